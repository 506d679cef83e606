import test from 'ava';
import { startDeaf } from '../helpers/deaf.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import { plainYaml } from '../contract/given.ts';

// In a file of its own: it counts the connections that this process is making.
test('rule 18: a caller who leaves while a connection is being made takes it along', async (t) => {
  const deaf = await startDeaf(t);
  const outrider = await startOutrider(t, plainYaml(`http://127.0.0.1:${deaf.port}`, '', 'timeouts: { connect: 60s }'));
  const connecting = (): number => process.getActiveResourcesInfo().filter((name) => name === 'ConnectWrap').length;
  const before = connecting();
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('the proxy to connect', () => connecting() > before);
  const began = Date.now();
  client.socket.destroy();
  await until('the connection to be given up', () => connecting() <= before);
  t.true(Date.now() - began < 5_000, `${Date.now() - began} ms, of 60 s`);
  t.like((await outrider.logged(1))[0], { code: 'caller_gone', outcome: 'not_sent' });
});
