import fc from 'fast-check';
import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

/** Rule 8 told a second time, naively: what a path may not hold, decoded up to three times. */
function isRefused(target: string): boolean {
  const path = target.split('?')[0] as string;
  if (/[^\x21-\x7e]/.test(target) || target.includes('#') || path.includes('\\') || target.startsWith('//'))
    return true;
  if (/%(?![0-9a-f]{2})/i.test(path) || /%00/.test(path)) return true;
  let decoded = path;
  for (let i = 0; i < 3; i++) {
    const isDotted = decoded.split(/[/\\]|%2f|%5c/i).some((segment) => /^(\.|%2e){1,2}(;|%3b|$)/i.test(segment));
    if (isDotted) return true;
    decoded = decoded.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return false;
}

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%252e',
    '%2f',
    '%2F',
    '%5c',
    '%252f',
    ';',
    '%3b',
    '\\',
    '%00',
    '%',
    '%4',
    '%zz',
    '#',
    '?',
    '&',
    '=',
  ),
  fc.constantFrom(
    'a',
    'b.c',
    '...',
    '%41',
    '%C3%A9',
    '%25',
    '+',
    '~',
    ':',
    '@',
    '|',
    '"',
    '<',
    '{',
    '^',
    '`',
    '*',
    '..a',
    'a..',
    '.x',
  ),
  fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 5 }),
  fc.integer({ min: 0x7f, max: 0xff }).map((code) => String.fromCharCode(code)),
);

test('rule 08: any target is either refused as the rule says, or forwarded byte for byte', async (t) => {
  t.timeout(120_000);
  const { outrider, upstream } = await givenPlain(t);
  let forwarded = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), fc.boolean(), async (pieces, isAbsolute) => {
      const rest = `/${pieces.join('')}`;
      const before = upstream.requests.length;
      const client = await rawClient(t, outrider.port);
      const target = `${isAbsolute ? `http://localhost:${outrider.port}` : ''}/api${rest}`;
      await client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const { status } = await client.answer();
      client.socket.destroy();
      const arrived = upstream.requests.slice(before).map((request) => request.target);
      const isMeant = isRefused(`/api${rest}`);
      if (isMeant && status === 400 && arrived.length === 0) refused += 1;
      else if (!isMeant && status === 200 && arrived.length === 1 && arrived[0] === rest) forwarded += 1;
      else throw new Error(`${JSON.stringify(target)}: ${status}, arrived ${JSON.stringify(arrived)}`);
    }),
    { numRuns: 600, endOnFailure: true },
  );
  t.true(refused > 100 && forwarded > 100, `${refused} refused, ${forwarded} forwarded`);
});
