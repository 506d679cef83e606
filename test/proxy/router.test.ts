import test from 'ava';
import type { RouteMatch } from '../../src/config/config.ts';
import { createRouter } from '../../src/proxy/router.ts';

interface Conditions {
  methods?: string[];
  hosts?: string[];
  headers?: Record<string, string>;
}

const route = (
  name: string,
  path: string | undefined,
  { methods = [], hosts = [], headers = {} }: Conditions = {},
) => ({
  name,
  match: { path, methods, hosts, headers: new Map(Object.entries(headers)) } satisfies RouteMatch,
});

const ask = (path: string, { method = 'GET', host = 'localhost', headers = [] as string[] } = {}) => ({
  method,
  path,
  host,
  headers,
});

test('a prefix ends at a segment boundary', (t) => {
  const router = createRouter([route('a', '/phonepe')]);
  t.is(router.match(ask('/phonepe'))?.name, 'a');
  t.is(router.match(ask('/phonepe/'))?.name, 'a');
  t.is(router.match(ask('/phonepe/pay/v2'))?.name, 'a');
  t.is(router.match(ask('/phonepex')), undefined);
  t.is(router.match(ask('/')), undefined);
  t.is(router.match(ask('/PhonePe')), undefined);
});

test('the longest prefix wins, wherever it stands in the file', (t) => {
  const router = createRouter([route('root', '/'), route('a', '/a'), route('abc', '/a/b/c'), route('ab', '/a/b')]);
  t.is(router.match(ask('/'))?.name, 'root');
  t.is(router.match(ask('/x/y'))?.name, 'root');
  t.is(router.match(ask('/a/x'))?.name, 'a');
  t.is(router.match(ask('/a/b'))?.name, 'ab');
  t.is(router.match(ask('/a/b/cc'))?.name, 'ab');
  t.is(router.match(ask('/a/b/c/d/e'))?.name, 'abc');
});

test('of routes with one path the one with more conditions wins, then the earlier one', (t) => {
  const router = createRouter([
    route('plain', '/a'),
    route('post', '/a', { methods: ['POST'] }),
    route('tenant', '/a', { methods: ['POST'], headers: { 'x-tenant': 'acme' } }),
    route('host', '/a', { hosts: ['pay.localhost'] }),
  ]);
  t.is(router.match(ask('/a'))?.name, 'plain');
  t.is(router.match(ask('/a', { method: 'POST' }))?.name, 'post');
  t.is(router.match(ask('/a', { method: 'POST', headers: ['X-Tenant', 'acme'] }))?.name, 'tenant');
  t.is(router.match(ask('/a', { method: 'POST', headers: ['X-Tenant', 'Acme'] }))?.name, 'post');
  t.is(router.match(ask('/a', { host: 'PAY.localhost:8080' }))?.name, 'host');
});

test('a longer prefix whose conditions do not fit leaves the request to a shorter one', (t) => {
  const router = createRouter([route('a', '/a'), route('ab', '/a/b', { methods: ['POST'] })]);
  t.is(router.match(ask('/a/b'))?.name, 'a');
});

test('names that every object has are paths like any other', (t) => {
  const router = createRouter([route('p', '/__proto__'), route('c', '/constructor')]);
  t.is(router.match(ask('/__proto__/x'))?.name, 'p');
  t.is(router.match(ask('/constructor'))?.name, 'c');
  t.is(router.match(ask('/toString')), undefined);
});
