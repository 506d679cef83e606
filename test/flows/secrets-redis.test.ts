import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import test from 'ava';
import { tokenYaml } from '../contract/given.ts';
import { secretsIn } from '../helpers/canary.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';

const KEY = 'Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTAwMDAwMDAwMDE=';

for (const [how, settings] of [
  ['in its URL', (url: string) => `url: "redis://me:canary%2Fredis%20word@${url}/0"`],
  ['beside it', (url: string) => `url: "redis://${url}", username: me, password: "canary/redis word"`],
] as const) {
  test(`a Redis that quotes the password ${how}, as old ones do in their errors, gets it nowhere`, async (t) => {
    let heard = '';
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        const words = [...chunk.toString().matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, word]) => `\`${word}\``);
        socket.write(`-ERR unknown command ${words[0]}, with args beginning with: ${words.slice(1).join(', ')}\r\n`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const upstream = await startUpstream(t);
    const tokens = await startTokenEndpoint(t);
    const extra = `store: { kind: redis, ${settings(`127.0.0.1:${port}`)}, encryption_key: "${KEY}" }`;
    const outrider = await startOutrider(t, tokenYaml(upstream.origin, tokens.url, { extra }));
    await until('the password at the server', () => heard.includes('canary/redis word'));
    t.is((await outrider.call('/api/x')).status, 200);
    await until('a word of it', () => outrider.logText().includes('The token store does not work'));
    t.deepEqual(secretsIn(heard).length, 1, 'positive control');
    t.deepEqual(secretsIn(outrider.logText()), []);
  });
}
