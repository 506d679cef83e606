import test from 'ava';
import { gate } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startCli } from './cli.ts';
import { plainYaml } from './given.ts';

const STANDSTILL_MS = 1_200;

test('rule 17: an answer that came while this process stood still is no timeout', async (t) => {
  const held = gate();
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    if (arrival.target === '/early') {
      await arrival.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc');
      await held.opened;
      await arrival.write('def');
    } else {
      await held.opened;
      await arrival.reply(200, { body: 'ghi' });
    }
  });
  const { origin, port, child } = await startCli(
    t,
    plainYaml(upstream.origin, '', 'timeouts: { response: 800ms, idle: 800ms, lame_duck: 0ms }'),
  );
  const early = await rawClient(t, port);
  await early.send('GET /api/early HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await early.bodyBytes(3);
  const late = httpCall(origin, '/api/late', { body: 'x' });
  await upstream.request(2);
  child.kill('SIGSTOP');
  held.open();
  await new Promise((resolve) => setTimeout(resolve, STANDSTILL_MS));
  child.kill('SIGCONT');
  t.is((await early.answer()).text, 'abcdef');
  const answer = await late;
  t.is(`${answer.status} ${answer.text}`, '200 ghi');
});
