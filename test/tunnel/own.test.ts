import { networkInterfaces } from 'node:os';
import test from 'ava';
import { guardedLookup } from '../../src/proxy/destination.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { openTunnel } from './client.ts';
import { resolver } from './given.ts';

const YAML = `forward: { mode: plain, unmatched: tunnel }
admin: { address: 127.0.0.1:0 }
providers: { phonepe: { profile: phonepe, environment: simulator } }
routes: [{ name: pay, match: { path: /pay }, provider: phonepe }]`;

test('rule 5: the forward doors lead to none of our own listeners, by whatever name', async (t) => {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  const names = resolver({
    localhost: [['127.0.0.1']],
    'own.test': [addresses],
    'a.localhost': [['::1', '127.0.0.1']],
  });
  const outrider = await startOutrider(t, YAML, { app: { env: {}, lookup: names.lookup } });
  const { adminOrigin = '', simulatorOrigin = '' } = outrider;
  t.is((await httpCall(adminOrigin, '/livez')).status, 200);
  const hosts = ['localhost', 'own.test', 'a.localhost', '127.0.0.1', '127.1', '0', '[::1]', '[::ffff:127.0.0.1]'];
  // The path of the simulator's route is not asked for: there is no route then.
  for (const { port } of [adminOrigin, simulatorOrigin].map((origin) => new URL(origin))) {
    for (const host of hosts) {
      for (const scheme of ['http', 'https']) {
        const bytes = `GET ${scheme}://${host}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
        const answer = await ask(t, outrider.port, bytes);
        assertProblem(t, answer, { status: 403, code: 'destination_denied' });
      }
    }
  }
  for (const host of hosts) t.is((await openTunnel(t, outrider.port, `${host}:${outrider.port}`)).status, 403, host);
});

test('of several addresses of a name only those are dialled that may be', async (t) => {
  const names = resolver({
    'mixed.test': [['10.0.0.1', '203.0.113.7', '::1', '2001:db8::7', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe']],
  });
  const found = await new Promise((resolve, reject) => {
    guardedLookup(names.lookup)('mixed.test', { all: true }, (error, all) => (error ? reject(error) : resolve(all)));
  });
  t.deepEqual(found, [
    { address: '203.0.113.7', family: 4 },
    { address: '2001:db8::7', family: 6 },
  ]);
});
