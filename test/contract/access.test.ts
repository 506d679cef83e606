import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startAndEnd } from './cli.ts';
import { givenPlain, plainYaml } from './given.ts';

for (const address of ['0.0.0.0:0', '[::]:0']) {
  test(`rule 03: start refuses ${address} with neither access_tokens nor allow_unauthenticated`, async (t) => {
    const yaml = `version: 1\nlisten: { address: "${address}" }\nadmin: false\nroutes: [{ name: a, match: { path: /a }, upstream: "http://127.0.0.1:9" }]\n`;
    const { code, output } = await startAndEnd(t, yaml);
    t.is(code, 1, output);
    t.regex(output, /unsafe_bind/);
  });
}

test('rule 03: access_tokens or allow_unauthenticated make a wide bind legal', async (t) => {
  const upstream = await startUpstream(t);
  for (const more of ['access_tokens: [a-long-access-token]', 'allow_unauthenticated: true']) {
    const outrider = await startOutrider(t, `${plainYaml(upstream.origin)}\nlisten: { address: 0.0.0.0:0, ${more} }`);
    const answer = await ask(
      t,
      outrider.port,
      'GET /api HTTP/1.1\r\nHost: localhost\r\nX-Outrider-Token: a-long-access-token\r\n\r\n',
    );
    t.is(answer.status, 200, more);
  }
});

const TOKEN = 'tok-3f9a7c1e5b';
const TOKENS = `listen: { address: 127.0.0.1:0, access_tokens: [tok-older-one-0, ${TOKEN}] }`;
const basic = (text: string): string => Buffer.from(text).toString('base64');

test('rule 04: each way to show an access token lets in, and none of them is forwarded', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { extra: TOKENS });
  const ways = [
    `Proxy-Authorization: Bearer ${TOKEN}`,
    `proxy-authorization: bearer ${TOKEN}`,
    `Proxy-Authorization: Basic ${basic(`anyone:${TOKEN}`)}`,
    `Proxy-Authorization: Basic ${basic(`:${TOKEN}`)}`,
    `X-Outrider-Token: ${TOKEN}`,
    'X-Outrider-Token: tok-older-one-0',
  ];
  for (const way of ways) {
    const answer = await ask(
      t,
      outrider.port,
      `GET /api/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mine\r\n${way}\r\n\r\n`,
    );
    t.is(answer.status, 200, way);
  }
  for (const { head } of upstream.requests) {
    t.notRegex(head, /proxy-authorization|x-outrider-token|tok-/i);
    t.regex(head, /^authorization: Bearer mine\r$/im);
  }
});

for (const way of [
  '',
  `Authorization: Bearer ${TOKEN}\r\n`,
  'X-Outrider-Token:\r\n',
  `X-Outrider-Token: ${TOKEN}x\r\n`,
  `X-Outrider-Token: ${TOKEN.slice(0, -1)}\r\n`,
  `X-Outrider-Token: ${TOKEN.toUpperCase()}\r\n`,
  'Proxy-Authorization: Bearer\r\n',
  'Proxy-Authorization: Bearer wrong\r\n',
  `Proxy-Authorization: Basic ${basic(`${TOKEN}:`)}\r\n`,
  'Proxy-Authorization: Basic !!!\r\n',
  `Proxy-Authorization: ${TOKEN}\r\n`,
]) {
  test(`rule 04: "${way.trim()}" is not enough`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { extra: TOKENS });
    const answer = await ask(t, outrider.port, `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${way}\r\n`);
    assertProblem(t, answer, { status: 401, code: 'client_unauthenticated' });
    t.not(answer.header('www-authenticate') ?? '', '');
    t.false(answer.head.includes(TOKEN) || answer.text.includes(TOKEN));
    t.is(upstream.connections, 0);
  });
}

test('rule 05: an absolute-form request that names ourselves is door one', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (const name of ['127.0.0.1', 'localhost', 'LOCALHOST', 'pay.localhost']) {
    const url = `http://${name}:${outrider.port}/api/x?y=1`;
    const answer = await ask(t, outrider.port, `GET ${url} HTTP/1.1\r\nHost: ${name}:${outrider.port}\r\n\r\n`);
    t.is(answer.status, 200, url);
  }
  t.true(upstream.requests.every(({ target }) => target === '/x?y=1'));
});

for (const url of [
  'http://api.phonepe.com/apis/pg',
  'https://api.phonepe.com/api/x',
  'http://169.254.169.254/latest/meta-data',
  'http://127.0.0.1:1/api/x',
  'http://localhost.evil.test/api/x',
  'http://[::ffff:127.0.0.1]:1/api/x',
  'http://2130706433:1/api/x',
]) {
  test(`rule 05: with forwarding off ${url} is denied`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
    assertProblem(t, answer, { status: 403, code: 'destination_denied' });
    t.is(upstream.connections, 0);
  });
}

test('rule 05: a route that the operator wrote may have a loopback upstream under any of its names', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, plainYaml(`http://localhost:${upstream.port}`));
  t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.requests[0]?.header('host'), `localhost:${upstream.port}`);
});
