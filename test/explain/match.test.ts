import test from 'ava';
import { whyItWon, whyNone } from '../../src/explain/match.ts';
import type { RouteMatch } from '../../src/config/config.ts';

const route = (name: string, path: string, more: Partial<RouteMatch> = {}) => ({
  name,
  match: { path, methods: [], hosts: [], headers: new Map<string, string>(), ...more },
});
const request = { method: 'POST', path: '/a/b/c', host: 'localhost', headers: [] };

test('a route that wins says against whom, and by what', (t) => {
  const [all, a, ab] = [route('all', '/'), route('a', '/a'), route('ab', '/a/b')];
  t.is(whyItWon(ab, [ab, route('other', '/z')], request), 'the only route that matches (path /a/b)');
  t.is(whyItWon(ab, [all, a, ab], request), 'its path /a/b is the longest of those that match (also: all /, a /a)');
  const post = route('post', '/a', { methods: ['POST'] });
  t.regex(whyItWon(post, [a, post], request), /more conditions.*\(also: a \/a\)/);
  t.regex(whyItWon(a, [a, route('later', '/a')], request), /comes first in the file/);
});

test('a request that matches nothing says what is missing', (t) => {
  t.is(whyNone([route('x', '/x'), route('y', '/y')], request), 'the paths there are: /x, /y');
  t.is(whyNone([], request), 'there are no routes with a path');
  t.is(
    whyNone(
      [
        route('get', '/a', { methods: ['GET', 'HEAD'] }),
        route('host', '/a/b', { hosts: ['a.localhost'] }),
        route('header', '/', { headers: new Map([['x-tenant', 'acme']]) }),
      ],
      request,
    ),
    '"get" wants method GET or HEAD; "host" wants Host a.localhost; "header" wants header x-tenant',
  );
});
