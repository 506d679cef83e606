import test from 'ava';
import { givenTokens } from '../contract/given.ts';
import { ask } from '../helpers/raw.ts';
import { caller, tokenOf } from './given.ts';

test('a program that asks for a token of its own gets a placeholder where the provider is that of its routes', async (t) => {
  const { outrider, tokens } = await givenTokens(t, {
    extra: `
forward: { mode: plain }
callers:
${caller('shop', 'routes: [api], paths: ["/api/*"]')}
${caller('reads', 'routes: [api], methods: [GET]')}
${caller('none', '')}
${caller('all')}`,
  });
  const { host, pathname } = new URL(tokens.url);
  const fetchAs = async (name: string, method = 'POST'): Promise<number | string> => {
    const head = `Host: ${host}\r\nX-Outrider-Token: ${tokenOf(name)}\r\nContent-Length: 0\r\n`;
    const { status, text } = await ask(t, outrider.port, `${method} http://${host}${pathname} HTTP/1.1\r\n${head}\r\n`);
    return status === 200 && text.includes('outrider-placeholder-') ? 'placeholder' : status;
  };
  t.is(await fetchAs('shop'), 'placeholder');
  t.is(await fetchAs('all'), 'placeholder');
  for (const [name, method] of [
    ['none', 'POST'],
    ['reads', 'POST'],
    ['shop', 'GET'],
  ] as const)
    t.is(await fetchAs(name, method), 403, `${name} ${method}`);
  t.is(tokens.calls.length, 0);
});
