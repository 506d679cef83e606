import { join } from 'node:path';
import test from 'ava';
import { configFile, run, startProxy } from '../commands/run.ts';
import { PROVIDERS } from './given.ts';

const callback = (name: string): string =>
  `  - { name: ${name}, match: { path: /callbacks/${name} }, verify: ${name}, forward: "http://127.0.0.1:9/${name}" }`;

test('where callbacks come in is said at the start, and by the status', async (t) => {
  const { dir } = configFile(t, '');
  const yaml = (format: string): string => `
version: 1
listen: { address: "127.0.0.1:0" }
admin: { address: "unix:${join(dir, `${format}.sock`)}" }
log: { format: ${format} }
callbacks_listen: { address: "127.0.0.1:0" }
callbacks:
${['payu', 'phonepe'].map(callback).join('\n')}
${PROVIDERS}
routes: [{ match: { path: /pay }, provider: payu }]
`;
  const proxy = await startProxy(t, yaml('pretty'));
  const [, told = ''] = await proxy.says(/^ {2}callbacks +(http:\S+) {2}\(\/callbacks\/payu, \/callbacks\/phonepe\)$/m);
  const status = await run(t, ['status', '--config', proxy.file]);
  t.regex(status.stdout, new RegExp(`^callbacks +${told}$`, 'm'), status.stderr);
  const logged = await startProxy(t, yaml('json'));
  const line = await logged.says(/^\{.*"message":"listening".*\}$/m);
  t.regex((JSON.parse(line[0]) as { callbacks: string }).callbacks, /^http:\/\/127\.0\.0\.1:\d+$/);
});
