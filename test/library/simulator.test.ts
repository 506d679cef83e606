import test from 'ava';
import type { ExecutionContext } from 'ava';
import { SIMULATED_KINDS } from '../../src/simulator/kinds.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import type { RunningSimulator, SimulatorStart } from '../../src/simulator/index.ts';

async function simulatorOf(t: ExecutionContext, options?: SimulatorStart): Promise<RunningSimulator> {
  const simulator = await startSimulator(options);
  t.teardown(() => simulator.stop());
  return simulator;
}

const TOKEN = '/phonepe/apis/pg-sandbox/v1/oauth/token';

async function token(url: string, credentials: Readonly<Record<string, string>>) {
  const form = { client_version: '1', grant_type: 'client_credentials', ...credentials };
  const answer = await fetch(url + TOKEN, { method: 'POST', body: new URLSearchParams(form) });
  return { status: answer.status, body: (await answer.json()) as { issued_at: number; expires_at: number } };
}

test('one of each provider, below the name of its profile', async (t) => {
  const { url } = await simulatorOf(t);
  const { providers } = (await (await fetch(url)).json()) as { providers: { name: string }[] };
  t.deepEqual(
    providers.map(({ name }) => name),
    [...SIMULATED_KINDS],
  );
  t.is((await token(url, { client_id: 'test', client_secret: 'test' })).status, 200);
});

test('credentials of all providers, and of one', async (t) => {
  const { url } = await simulatorOf(t, { credentials: { client_secret: 's', phonepe: { client_id: 'me' } } });
  t.is((await token(url, { client_id: 'me', client_secret: 's' })).status, 200);
  t.not((await token(url, { client_id: 'test', client_secret: 's' })).status, 200);
  t.not((await token(url, { client_id: 'me', client_secret: 'test' })).status, 200);
});

for (const lifetime of ['90s', 90_000]) {
  test(`tokens live as long as asked for: ${lifetime}`, async (t) => {
    const { url } = await simulatorOf(t, { lifetime });
    const { body } = await token(url, { client_id: 'test', client_secret: 'test' });
    t.is(body.expires_at - body.issued_at, 90);
    // "As at the start", says the control.
    await fetch(`${url}/_control/lifetime?ms=5000`, { method: 'POST' });
    await fetch(`${url}/_control/lifetime`, { method: 'POST' });
    const { body: next } = await token(url, { client_id: 'test', client_secret: 'test' });
    t.is(next.expires_at - next.issued_at, 90);
  });
}

test('options that mean nothing are told', async (t) => {
  for (const lifetime of ['soon', '0s', -1, 1.5, Number.NaN]) {
    await t.throwsAsync(() => startSimulator({ lifetime }), { instanceOf: TypeError, message: /lifetime/ });
  }
  for (const credentials of [{ phonpe: {} }, { phonepe: { salt: 's' } }, { secret: 's' }]) {
    await t.throwsAsync(() => startSimulator({ credentials: credentials as never }), {
      instanceOf: TypeError,
      message: /there are: /,
    });
  }
});

test('a port that is taken is the error of the system, and a stopped simulator gives it back', async (t) => {
  const first = await simulatorOf(t);
  const port = Number(new URL(first.url).port);
  await t.throwsAsync(() => startSimulator({ port }), { code: 'EADDRINUSE' });
  await first.stop();
  t.is((await simulatorOf(t, { port })).url, first.url);
});
