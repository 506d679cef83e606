import fs from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { type Outrider, startOutrider } from '../helpers/outrider.ts';
import { granted, startTokenEndpoint, type TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

interface Given {
  readonly outrider: Outrider;
  readonly endpoint: TokenEndpoint;
  readonly clock: ReturnType<typeof fakeClock>;
  /** The secret that the provider takes from now on; old tokens stay good. */
  readonly accept: (secret: string) => void;
  /** Puts another secret in the file, as an operator would. */
  readonly write: (secret: string) => Promise<void>;
}

/** A provider whose client secret stands in a file. */
async function given(t: ExecutionContext, secret: string): Promise<Given> {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'client_secret');
  fs.writeFileSync(file, secret);
  let accepted = 'right';
  const endpoint = await startTokenEndpoint(t, ({ n, form }) =>
    form.get('client_secret') === accepted ? granted(`token-${n}`, 100) : { status: 401, body: '' },
  );
  const upstream = await startUpstream(t);
  const clock = fakeClock();
  const outrider = await startOutrider(
    t,
    `
providers:
  mine:
    profile: oauth2
    credentials: { client_id: me, client_secret: "\${file:${file}}" }
    endpoints: { token: "${endpoint.url}" }
routes:
  - { match: { path: /api }, provider: mine, upstream: "${upstream.origin}" }
`,
    { clock },
  );
  return {
    outrider,
    endpoint,
    clock,
    accept: (next) => {
      accepted = next;
    },
    async write(next) {
      fs.writeFileSync(file, next);
      await clock.advance(2_000);
    },
  };
}

test('credentials that were refused are tried again at once when their file changes', async (t) => {
  const { outrider, endpoint, write } = await given(t, 'wrong');
  const refused = await outrider.call('/api');
  t.is(refused.status, 503);
  t.is(refused.header('retry-after'), '30');
  t.is((await outrider.call('/api')).status, 503);
  t.is(endpoint.calls.length, 1, 'the refusal is remembered');
  await write('right');
  t.is((await outrider.call('/api')).status, 200);
  t.is(endpoint.calls.length, 2);
});

test('a rotated secret is used from the next token call on, and the token that the old one brought until then', async (t) => {
  const { outrider, endpoint, clock, accept, write } = await given(t, 'right');
  t.is((await outrider.call('/api')).status, 200);
  await write('rotated');
  accept('rotated');
  t.is((await outrider.call('/api')).status, 200);
  t.is(endpoint.calls.length, 1);
  await clock.advance(82_000);
  await until('the renewal', () => endpoint.calls.length === 2);
  t.is(endpoint.calls[1]?.form.get('client_secret'), 'rotated');
  await clock.advance(10_000);
  t.is((await outrider.call('/api')).status, 200);
  t.is(endpoint.calls.length, 2);
});

test('a secret that is rotated at the provider first costs no request: the token lasts until the file follows', async (t) => {
  const { outrider, endpoint, clock, accept, write } = await given(t, 'right');
  t.is((await outrider.call('/api')).status, 200);
  accept('rotated');
  await clock.advance(82_000);
  await until('the refusal', () => outrider.logText().includes('refused the credentials'));
  t.is((await outrider.call('/api')).status, 200);
  await write('rotated');
  t.is((await outrider.call('/api')).status, 200);
  await until('the renewal', () => endpoint.calls.length === 3);
  t.is(endpoint.calls[2]?.form.get('client_secret'), 'rotated');
});
