import fc from 'fast-check';
import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { tokenYaml } from './given.ts';

const VALID = [
  'GET /api/x?y=1 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n',
  'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello',
  'POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n',
  'PUT /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, x-a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi',
];

const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  '0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 3\r\n',
  'Host: evil\r\n',
  'chunked',
  '/',
  '..',
  '%',
  '\x80',
  '\xff',
  '1',
  'f',
  ';',
  'HTTP/1.0',
  'GET /api/y HTTP/1.1\r\nHost: localhost\r\n\r\n',
];

const mutation = fc.record({
  at: fc.nat(400),
  cut: fc.nat(6),
  put: fc.oneof(fc.constantFrom('', ...PIECES), fc.string({ maxLength: 3 })),
});

test('rules 06–09: whatever bytes come, what the upstream sees is well formed, and the next caller is served', async (t) => {
  t.timeout(120_000);
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t);
  const outrider = await startOutrider(t, tokenYaml(upstream.origin, tokens.url));
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...VALID), { minLength: 1, maxLength: 3 }),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      async (valid, mutations) => {
        let bytes = valid.join('');
        for (const { at, cut, put } of mutations) {
          const place = at % bytes.length;
          bytes = bytes.slice(0, place) + put + bytes.slice(place + cut);
        }
        const client = await rawClient(t, outrider.port);
        await client.send(bytes);
        client.socket.end();
        await client.closed(10_000);
        client.socket.destroy();
        if (upstream.violations.length > 0) throw new Error(`${JSON.stringify(bytes)}: ${upstream.violations.join()}`);
        for (const request of upstream.requests.slice(seen)) {
          const line = request.head.split('\r\n')[0] ?? '';
          const isPlain =
            /^[A-Z]+ \/[^ ]* HTTP\/1\.1$/.test(line) && request.headerAll('host').join() === upstream.authority;
          if (!isPlain || request.header('authorization') !== 'Bearer token-1')
            throw new Error(`${JSON.stringify(bytes)}: ${request.head}`);
        }
        seen = upstream.requests.length;
      },
    ),
    { numRuns: 400, endOnFailure: true, includeErrorInReport: true },
  );
  t.true(seen > 50, `${seen} requests went on`);
  t.is((await outrider.call('/api/last')).text, 'ok');
});
