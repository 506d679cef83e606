import fs from 'node:fs';
import path from 'node:path';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { tokenYaml } from '../contract/given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Handler } from '../helpers/upstream.ts';
import { startEgressProxy } from './egress-proxy.ts';
import { runProgram, testWith } from './run-program.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

/** In its certificate, and known to the egress proxy alone: what has no route is never dialled on loopback. */
const STRANGER = 'api.provider.test';

const NODE = process.execPath;
const program = (name: string): string => path.join(import.meta.dirname, 'programs', name);
/** How each prints what it got: a line with the text, or one that has it in base64. */
const plainly = (line: string): string => line;
const decoded = (line: string): string => Buffer.from(line.split('\t')[3] ?? '', 'base64').toString();

const CLIENTS: readonly (readonly [
  name: string,
  command: string,
  argsFor: (urls: readonly string[]) => readonly string[],
  read: typeof plainly,
])[] = [
  ['curl', 'curl', (urls) => ['-sS', '-m20', '-w', '\n', ...urls], plainly],
  ['Node http, https', NODE, (urls) => [program('node-http.mjs'), ...urls.flatMap((url) => [url, ''])], decoded],
  ['Node fetch', NODE, (urls) => [program('node-fetch.mjs'), ...urls.flatMap((url) => [url, ''])], decoded],
];

for (const mode of ['plain', 'intercept']) {
  for (const [name, command, argsFor, read] of CLIENTS) {
    testWith(
      command,
      `${name}: where no route leads, with mode ${mode} and unmatched: tunnel, requests get through without a credential`,
      async (t) => {
        const dir = temporaryDirectory(t);
        fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
        const answer: Handler = (arrival) => arrival.reply(200, { body: `a stranger at ${arrival.target}` });
        const open = await startUpstream(t, answer);
        const secure = await startUpstream(t, answer, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
        const routed = await startUpstream(t);
        const tokens = await startTokenEndpoint(t);
        const egress = `http://127.0.0.1:${(await startEgressProxy(t)).port}`;
        const extra = `forward: { mode: ${mode}, unmatched: tunnel }\nstate_dir: ${dir}/state`;
        const outrider = await startOutrider(t, tokenYaml(routed.origin, tokens.url, { extra }), {
          app: { env: { HTTP_PROXY: egress, HTTPS_PROXY: egress } },
        });
        const variables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];
        const env = {
          ...Object.fromEntries(variables.map((variable) => [variable, outrider.origin])),
          NO_PROXY: '',
          NODE_USE_ENV_PROXY: '1',
          CURL_CA_BUNDLE: path.join(dir, 'root.pem'),
          NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem'),
        };
        const urls = [
          `http://${STRANGER}:${open.port}/a`,
          `https://${STRANGER}:${secure.port}/b`,
          `${routed.origin}/c`,
          `http://localhost:${open.port}/d`,
        ];
        const { stdout, stderr } = await runProgram(command, argsFor(urls), env);
        const [relayed, tunnelled, through, local = ''] = stdout.split('\n').map(read);
        t.deepEqual([relayed, tunnelled, through], ['a stranger at /a', 'a stranger at /b', 'ok'], stderr);
        // What leads to this machine stays shut.
        t.regex(local, /destination_denied/);
        const arrived = [...open.requests, ...secure.requests, ...routed.requests];
        t.deepEqual(
          arrived.map((arrival) => arrival.header('authorization')),
          [undefined, undefined, 'Bearer token-1'],
        );
        t.is(secure.requests[0]?.header('via'), undefined, 'the tunnel is blind');
      },
    );
  }
}
