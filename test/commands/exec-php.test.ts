import type { ExecutionContext } from 'ava';
import { testWith } from '../clients/run-program.ts';
import { configFile, run } from './run.ts';

const YAML = `
version: 1
providers: { phonepe: { profile: phonepe, environment: simulator } }
routes: [{ provider: phonepe, match: { path: /phonepe } }]
`;
const SHOW = `echo json_encode([
  'own' => get_cfg_var('openssl.cafile') === getenv('SSL_CERT_FILE') && get_cfg_var('curl.cainfo') === getenv('SSL_CERT_FILE'),
  'curl' => extension_loaded('curl'),
]);`;

/** What PHP finds under `exec --intercept` where the variable had this value. */
async function found(t: ExecutionContext, before: string | undefined): Promise<unknown> {
  const { file } = configFile(t, YAML);
  const env = before === undefined ? {} : { PHP_INI_SCAN_DIR: before };
  const { stdout, stderr } = await run(t, ['exec', '--intercept', '--config', file, '--', 'php', '-r', SHOW], { env });
  t.is(stderr, '');
  return JSON.parse(stdout);
}

testWith('php', "PHP gets the run's roots by an ini of its own, beside those that it reads anyway", async (t) => {
  // Where the curl extension is loaded, an ini of the default directory loads it.
  t.deepEqual(await found(t, undefined), { own: true, curl: true });
  t.deepEqual(await found(t, ':/nonexistent'), { own: true, curl: true });
  t.deepEqual(await found(t, ''), { own: true, curl: false });
});

const CALL = `
$url = 'https://api.phonepe.com/apis/pg/checkout/v2/order/none/status';
$curl = curl_init($url);
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
echo curl_exec($curl), curl_error($curl), "\\n";
$context = ['proxy' => str_replace('http:', 'tcp:', getenv('HTTPS_PROXY')), 'ignore_errors' => true];
echo file_get_contents($url, false, stream_context_create(['http' => $context])), "\\n";`;

testWith('php', "PHP's curl and streams reach the simulator at the provider's own URL", async (t) => {
  const { file } = configFile(t, YAML);
  const { stdout, stderr } = await run(t, ['exec', '--intercept', '--config', file, '--', 'php', '-r', CALL]);
  const [curl, streams] = stdout.trim().split('\n');
  t.regex(curl ?? '', /No entry found/, stderr);
  t.is(streams, curl, stderr);
});
