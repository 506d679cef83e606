import test from 'ava';
import type { ExecutionContext } from 'ava';
import { examples } from '../../src/simulator/simulator.ts';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { startSimulator } from '../helpers/simulator.ts';
import type { Calls } from '../helpers/simulator.ts';

const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'phonepe-x-verify': { merchant_id: 'test', salt_key: 's₹lt of a merchant' },
  'phonepe-user': { merchant_id: 'test', salt_key: 's₹lt of a merchant' },
  'payu-hash': { key: 'k3y', salt: 'p₹yu|salt' },
  'payu-payment': { key: 'k3y', salt: 'p₹yu|salt' },
  'payu-v2': { key: 'k3y', salt: 'p₹yu|salt' },
};

interface Simulated {
  readonly outrider: Outrider;
  readonly clock: FakeClock;
  readonly calls: () => Promise<Calls>;
  readonly revoke: () => Promise<unknown>;
}

/** A profile in `environment: simulator`, as a person would run it. */
async function given(t: ExecutionContext, profile: string): Promise<Simulated> {
  const clock = fakeClock();
  const outrider = await startOutrider(
    t,
    `
providers: { p: { profile: ${profile}, environment: simulator, credentials: ${JSON.stringify(SECRETS[profile])} } }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
    { clock },
  );
  const control = (what: string, method: string) =>
    httpCall(outrider.simulatorOrigin ?? '', `/_control/${what}?provider=p`, { method });
  return {
    outrider,
    clock,
    calls: async () => JSON.parse((await control('calls', 'GET')).text) as Calls,
    revoke: () => control('revoke', 'POST'),
  };
}

const flat = (headers: Readonly<Record<string, string>> = {}): string[] => Object.entries(headers).flat();

for (const profile of Object.keys(SECRETS)) {
  test(`${profile}: the strict simulator admits every signed call`, async (t) => {
    const { outrider, calls } = await given(t, profile);
    const kind = examples(profile);
    t.true(kind.length > 0);
    for (const { method, path, headers, body } of kind) {
      const answer = await outrider.call(`/p${path}`, { method, headers: flat(headers), ...(body && { body }) });
      t.is(answer.status, 200, `${method} ${path}: ${answer.text}`);
    }
    const { api } = await calls();
    t.like(api, { ok: kind.length, rejected: 0, refused: 0 });
  });

  test(`${profile}: the simulator rejects what is signed with another salt`, async (t) => {
    const own = SECRETS[profile] ?? {};
    const simulator = await startSimulator(t, { providers: [{ name: 'p', kind: profile, credentials: own }] });
    const wrong = Object.fromEntries(
      Object.entries(own).map(([name, value]) => [name, name.startsWith('salt') ? `${value}!` : value]),
    );
    const base = profile === 'phonepe-x-verify' ? '/apis/pg-sandbox' : '';
    const token = profile === 'phonepe-user' ? `, token: "${simulator.origin}/p/v3/service/auth/access"` : '';
    const outrider = await startOutrider(
      t,
      `
providers:
  p:
    profile: ${profile}
    environment: production
    credentials: ${JSON.stringify(wrong)}
    endpoints: { api: "${simulator.origin}/p${base}"${token} }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
      { clock: simulator.clock },
    );
    const [first] = examples(profile);
    const { method = '', path = '', headers, body } = first ?? {};
    await outrider.call(`/p${path}`, { method, headers: flat(headers), ...(body && { body }) });
    const { api, token: tokens } = await simulator.calls('p');
    t.is(api.ok, 0);
    t.is(api.rejected + tokens.refused, 1);
  });
}

test('phonepe-x-verify: a payment and its status', async (t) => {
  const { outrider } = await given(t, 'phonepe-x-verify');
  const payment = { merchantId: 'test', merchantTransactionId: 'MT1', amount: 100_00 };
  const paid = await outrider.call('/p/pg/v1/pay', {
    headers: ['Content-Type', 'application/json'],
    body: JSON.stringify(payment, undefined, 2),
  });
  t.is(paid.status, 200, paid.text);
  const status = await outrider.call('/p/pg/v1/status/test/MT1?ignored=by%20the%20signature');
  t.is(status.status, 200, status.text);
  t.like(JSON.parse(status.text), { code: 'PAYMENT_SUCCESS', data: { amount: 100_00 } });
});

test("phonepe-user: each user's call carries their own token and a signature, after a revocation too", async (t) => {
  const { outrider, clock, calls, revoke } = await given(t, 'phonepe-user');
  const names = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const grant of ['GRT1', 'GRT2', 'GRT1']) {
      const answer = await outrider.call('/p/v3/service/userdetails', { headers: ['X-Grant-Token', grant] });
      t.is(answer.status, 200, answer.text);
      found.push((JSON.parse(answer.text) as { data: { name: string } }).data.name);
    }
    return found;
  };
  const [one, two, again] = await names();
  t.is(again, one);
  t.not(two, one);
  t.is((await calls()).token.fetch, 2);
  await clock.advance(10_000);
  await revoke();
  t.deepEqual(await names(), [one, two, one]);
  t.like((await calls()).token, { fetch: 4, refused: 0 });
  t.deepEqual(
    (await outrider.logged(6)).map(({ attempts }) => attempts),
    [1, 1, 1, 2, 2, 1],
  );
});
