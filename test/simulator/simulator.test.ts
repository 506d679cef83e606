import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import test from 'ava';
import { SIMULATED_KINDS, createSimulator, examples, simulatedEndpoints } from '../../src/simulator/simulator.ts';
import type { Example } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, askToken, opened, sealed, send, sha512, v2Headers } from './client.ts';
import type { Reply } from './client.ts';

const PHONEPE_TOKEN = '/phonepe/apis/pg-sandbox/v1/oauth/token';
const PHONEPE_FIELDS = {
  client_id: 'test',
  client_version: '1',
  client_secret: 'test',
  grant_type: 'client_credentials',
};

type Send = (simulator: TestSimulator, kind: string, example: Example) => Promise<Reply>;

const plain = (simulator: TestSimulator, kind: string, { method, path, headers, body }: Example, more: object = {}) =>
  send(simulator, method, simulatedEndpoints(kind)['api'] + path, { ...headers, ...more }, body);

/** Sends an example with a token of that form. */
const withToken =
  (fields: Readonly<Record<string, string>>, scheme = 'Bearer'): Send =>
  async (simulator, kind, example) => {
    const { body } = await askToken(simulator, simulatedEndpoints(kind)['token'] ?? '', fields);
    return plain(simulator, kind, example, { authorization: `${scheme} ${body.access_token}`, merchantId: 'test' });
  };
const client = { client_id: 'test', client_secret: 'test', grant_type: 'client_credentials' };

const signed: Send = (simulator, kind, { method, path, body }) => {
  const call = body === undefined ? { headers: opened(path) } : sealed(path, JSON.parse(body) as object);
  return plain(simulator, kind, { method, path, ...call });
};

const user: Send = async (simulator, kind, { method, path, headers }) => {
  const { headers: own, body } = sealed('/v3/service/auth/access', { grantToken: headers?.['x-grant-token'] });
  const access = await send(simulator, 'POST', simulatedEndpoints(kind)['token'] ?? '', own, body);
  return plain(simulator, kind, {
    method,
    path,
    headers: { ...opened(path), 'x-access-token': access.body.data.accessToken },
  });
};

const hashed =
  (names: readonly string[]): Send =>
  (simulator, kind, example) => {
    const form = new URLSearchParams(example.body);
    form.set('hash', sha512(['test', ...names.map((name) => (name && form.get(name)) ?? ''), 'test'].join('|')));
    form.set('key', 'test');
    return plain(simulator, kind, { ...example, body: String(form) });
  };

const CLIENTS: Readonly<Record<string, Send>> = {
  phonepe: withToken(PHONEPE_FIELDS, 'O-Bearer'),
  pincode: withToken(client, 'O-Bearer'),
  'payu-payment-links': withToken({ ...client, scope: 'create_payment_links' }),
  'payu-partner': withToken({ ...client, scope: 'refer_merchant' }),
  'payu-bbps': withToken({ ...client, scope: 'read_biller_categories read_billers read_bills' }),
  'phonepe-x-verify': signed,
  'phonepe-user': user,
  'payu-hash': hashed(['command', 'var1']),
  'payu-payment': hashed('txnid amount productinfo firstname email udf1 udf2 udf3 udf4 udf5     '.split(' ')),
  'payu-v2': (simulator, kind, example) =>
    plain(simulator, kind, example, v2Headers(example.body ?? '', simulator.clock.now())),
};

test('every kind has a client here', (t) => {
  t.deepEqual(Object.keys(CLIENTS), [...SIMULATED_KINDS]);
});

for (const kind of SIMULATED_KINDS)
  test(`the examples of ${kind} succeed in their order once credentials are added, each also a second time`, async (t) => {
    const simulator = await startSimulator(t);
    t.true(examples(kind).length > 0);
    for (const example of [...examples(kind), ...examples(kind)]) {
      const answer = await CLIENTS[kind]!(simulator, kind, example);
      t.is(answer.status, 200, `${example.method} ${example.path}`);
    }
    const { api } = await simulator.calls(kind);
    t.is(api.ok, api.total);
    t.true(api.ok >= 2);
  });

for (const kind of SIMULATED_KINDS)
  test(`the examples of ${kind} are rejected as they are`, async (t) => {
    const simulator = await startSimulator(t);
    for (const example of examples(kind)) await plain(simulator, kind, example);
    const { api } = await simulator.calls(kind);
    t.is(api.ok, 0);
    t.is(api.rejected + api.refused, examples(kind).length);
  });

test('an unknown kind has no examples and no endpoints, and can’t be simulated', (t) => {
  t.deepEqual(examples('constructor'), []);
  t.deepEqual(simulatedEndpoints('constructor'), {});
  const provider = (name: string, kind: string) => ({ name, kind, credentials: {} });
  t.throws(() => createSimulator({ providers: [provider('a', 'paypal')] }), {
    message: /no simulator for "paypal".*phonepe/,
  });
  t.throws(() => createSimulator({ providers: [provider('a', 'phonepe'), provider('a', 'pincode')] }), {
    message: /two/,
  });
  t.throws(() => createSimulator({ providers: [provider('_control', 'phonepe')] }));
});

test('the origin lists the providers and the control paths', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await send(simulator, 'GET', '/');
  t.deepEqual(
    body.providers.map(({ name }: { name: string }) => name),
    SIMULATED_KINDS,
  );
  t.is(body.providers[0].token, simulator.origin + PHONEPE_TOKEN);
  t.true(body.control.some(({ path }: { path: string }) => path === '/_control/revoke'));
});

test('paths and methods that a provider lacks are answered in its words', async (t) => {
  const simulator = await startSimulator(t);
  const lost = await send(simulator, 'GET', '/phonepe/apis/pg-sandbox/nowhere');
  t.is(lost.status, 404);
  t.is(lost.body.code, 'NOT_FOUND');
  const method = await send(simulator, 'GET', PHONEPE_TOKEN);
  t.is(method.status, 405);
  t.is(method.headers.get('allow'), 'POST');
  t.is((await send(simulator, 'DELETE', '/payu-payment-links/payment-links')).body.status, -1);
  t.is((await send(simulator, 'GET', '/phonepe')).status, 404);
});

test('a provider is found under its name in any spelling of a URL', async (t) => {
  const simulator = await startSimulator(t, { providers: [{ name: 'my shop', kind: 'phonepe', credentials: {} }] });
  const path = `/my%20shop${PHONEPE_TOKEN.slice('/phonepe'.length)}`;
  t.is((await askToken(simulator, path, PHONEPE_FIELDS)).status, 200);
});

test('a body of 1 MiB is read, a larger one is a 413', async (t) => {
  const simulator = await startSimulator(t);
  const atLimit = Buffer.alloc(1024 * 1024, 'a');
  t.is((await send(simulator, 'POST', PHONEPE_TOKEN, FORM, atLimit)).status, 400);
  const over = await send(simulator, 'POST', PHONEPE_TOKEN, FORM, Buffer.alloc(1024 * 1024 + 1, 'a'));
  t.is(over.status, 413);
  t.is((await simulator.calls('phonepe')).token.fetch, 1);
});

/** Sends bytes as they are and returns what comes back until the end. */
async function raw(simulator: TestSimulator, bytes: string | Buffer): Promise<string> {
  const socket = connect(Number(new URL(simulator.origin).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end(bytes);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  await once(socket, 'close');
  return answer;
}

const PAY_PATH = '/phonepe-x-verify/apis/pg-sandbox/pg/v1/pay';

for (const [what, bytes] of Object.entries({
  'an asterisk': 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n',
  'an empty mount': 'GET // HTTP/1.1\r\nhost: x\r\n\r\n',
  'a bad escape in the mount': 'GET /%zz/x HTTP/1.1\r\nhost: x\r\n\r\n',
  'a bad escape in an id': 'GET /phonepe/apis/pg-sandbox/checkout/v2/order/%zz/status HTTP/1.1\r\nhost: x\r\n\r\n',
  'a prototype name': 'GET /__proto__/constructor HTTP/1.1\r\nhost: x\r\n\r\n',
  'an absolute target': `GET http://127.0.0.1${PAY_PATH} HTTP/1.1\r\nhost: x\r\n\r\n`,
  CONNECT: 'CONNECT a:443 HTTP/1.1\r\nhost: x\r\n\r\n',
  'an upgrade': 'GET /phonepe HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  'no HTTP': '\x16\x03\x01\x00',
  'half a request': `POST ${PHONEPE_TOKEN} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nclient_id=`,
  'JSON with a prototype': `POST ${PAY_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n{"__proto__":{"request":"YQ"}}`,
  'two authorizations': `GET /pincode/v1/catalogue/items HTTP/1.1\r\nhost: x\r\nauthorization: O-Bearer a\r\nauthorization: O-Bearer b\r\n\r\n`,
}))
  test(`${what} gets no 2xx, no 5xx, and does no harm`, async (t) => {
    const simulator = await startSimulator(t);
    t.notRegex(await raw(simulator, bytes), /^HTTP\/1\.1 [25]/);
    t.is((await askToken(simulator, PHONEPE_TOKEN, PHONEPE_FIELDS)).status, 200);
  });

test('a token is not accepted when it comes in one of two Authorization headers', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await askToken(simulator, PHONEPE_TOKEN, PHONEPE_FIELDS);
  const head = `GET /phonepe/apis/pg-sandbox/checkout/v2/order/o/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`;
  const good = `authorization: O-Bearer ${body.access_token}\r\n`;
  t.regex(await raw(simulator, `${head}${good}\r\n`), /^HTTP\/1\.1 404/);
  t.regex(await raw(simulator, `${head}${good}authorization: O-Bearer x\r\n\r\n`), /^HTTP\/1\.1 401/);
});

test('a thousand requests at once are all answered', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await askToken(simulator, PHONEPE_TOKEN, PHONEPE_FIELDS);
  const headers = { authorization: `O-Bearer ${body.access_token}`, ...JSON_TYPE };
  const pay = (i: number) =>
    send(
      simulator,
      'POST',
      '/phonepe/apis/pg-sandbox/checkout/v2/pay',
      headers,
      `{"merchantOrderId":"o-${i}","amount":${100 + i}}`,
    );
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => pay(i)));
  t.true(answers.every(({ status }) => status === 200));
  t.is(new Set(answers.map((answer) => answer.body.orderId)).size, 1000);
  t.is((await simulator.calls('phonepe')).api.ok, 1000);
});

test('nothing is reachable from beyond loopback', async (t) => {
  const simulator = await startSimulator(t);
  t.regex(simulator.origin, /^http:\/\/127\.0\.0\.1:\d+$/);
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address && !address.internal && address.family === 'IPv4');
  if (!outside) {
    t.log('skipped: no interface beyond loopback here');
    return t.pass();
  }
  await t.throwsAsync(fetch(`http://${outside.address}:${new URL(simulator.origin).port}/`));
});

test('closing ends connections that are idle or under way, and may be done twice', async (t) => {
  const simulator = createSimulator({ providers: [{ name: 'phonepe', kind: 'phonepe', credentials: {} }] });
  t.throws(() => simulator.origin);
  const origin = await simulator.listen();
  t.is(simulator.origin, origin);
  const busy = createSimulator({ providers: [] });
  await t.throwsAsync(busy.listen(Number(new URL(origin).port)), { code: 'EADDRINUSE' });
  await (await fetch(`${origin}/_control/delay?seconds=60`, { method: 'POST' })).text();
  const pending = fetch(origin + PHONEPE_TOKEN, { method: 'POST', body: new URLSearchParams(PHONEPE_FIELDS) });
  const counted = async (): Promise<number> => {
    const response = await fetch(`${origin}/_control/calls?provider=phonepe`);
    return ((await response.json()) as { token: { fetch: number } }).token.fetch;
  };
  while ((await counted()) === 0);
  await Promise.all([simulator.close(), t.throwsAsync(pending)]);
  await simulator.close();
  await t.throwsAsync(fetch(origin));
});
