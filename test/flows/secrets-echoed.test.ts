import { inspect } from 'node:util';
import test from 'ava';
import { givenTokens } from '../contract/given.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';
import type { Handler } from '../helpers/upstream.ts';
import { granted } from '../helpers/token-endpoint.ts';

const TOKEN = 'canary-that-is-echoed';
keepSecret('the token', TOKEN);

/** Answers that carry the credential where nobody would take it for one. */
const ECHOES: Readonly<Record<string, (credential: string) => string>> = {
  'in the status line': (credential) => `HTTP/1.1 2${credential}\r\n\r\n`,
  'as the version': (credential) => `${credential} 200 OK\r\n\r\n`,
  'in the name of a header': (credential) => `HTTP/1.1 200 OK\r\nX ${credential}: 1\r\n\r\n`,
  'behind a header without a colon': (credential) => `HTTP/1.1 200 OK\r\nX: 1\r\nnot a header ${credential}\r\n\r\n`,
  'as a length': (credential) => `HTTP/1.1 200 OK\r\nContent-Length: ${credential}\r\n\r\n`,
  'as a coding': (credential) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${credential}\r\n\r\n`,
  'as the size of a chunk': (credential) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${credential}\r\n`,
  'in a head that is too long': (credential) => `HTTP/1.1 200 OK\r\n${`X: ${credential}\r\n`.repeat(3_000)}\r\n`,
  'as a protocol to change to': (credential) =>
    `HTTP/1.1 101 ${credential}\r\nUpgrade: ${credential}\r\nConnection: upgrade\r\n\r\n`,
};

for (const [where, echo] of Object.entries(ECHOES)) {
  test(`a provider that echoes the credential ${where} gets it nowhere`, async (t) => {
    const handler: Handler = async (arrival) => {
      await arrival.write(echo(arrival.header('authorization') ?? ''));
      arrival.end();
    };
    const { outrider } = await givenTokens(t, { handler, script: () => granted(TOKEN) });
    const notices: string[] = [];
    outrider.app.events.on('notice', (notice) => notices.push(inspect(notice, { depth: 10 })));
    const { status } = await outrider.call('/api/x').catch(() => ({ status: 0 }));
    await outrider.logged(1);
    t.true([0, 502].includes(status));
    t.deepEqual(secretsIn(notices.join()), []);
    t.deepEqual(secretsIn(outrider.logText()), []);
  });
}
