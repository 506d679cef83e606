import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import test from 'ava';
import type { Http1ErrorCode } from '../../src/http1/error.ts';
import { mutantOf } from '../contract/mutants.ts';
import { described, Scripted, understood, type Understood } from './understood.ts';
import { numberFrom } from '../helpers/random.ts';
import { IS_SLOW } from '../helpers/slow.ts';

/** `OUTRIDER_DIFFERENTIAL_SEED=7` for other requests, `OUTRIDER_DIFFERENTIAL=1000000` for more of them. */
const SEED = numberFrom('OUTRIDER_DIFFERENTIAL_SEED', 1);
const MUTANTS = numberFrom('OUTRIDER_DIFFERENTIAL', IS_SLOW ? 20_000 : 3_000);
const PORT = 8080;

async function theirs(segments: readonly string[]): Promise<Understood> {
  const seen: Understood = { requests: [], refused: undefined, closes: false };
  const take = (req: IncomingMessage, res: ServerResponse): void => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    req.on('error', () => undefined);
    req.on('end', () => {
      seen.requests.push(described(req.method ?? '', req.url ?? '', req.rawHeaders, body));
      seen.closes = !res.shouldKeepAlive;
      res.end();
    });
  };
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: 200_000,
    shouldUpgradeCallback: () => false,
  });
  server.maxHeadersCount = 1_000;
  server.on('request', take).on('checkContinue', take).on('checkExpectation', take);
  server.on('connect', (_, socket) => {
    seen.refused = 'CONNECT';
    socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException) => (seen.refused ??= error.code ?? 'closed'));
  const socket = new Scripted();
  server.emit('connection', socket);
  await socket.say(segments);
  return seen;
}

type Exceptions = Readonly<Record<string, (text: string) => boolean>>;

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Where we refuse what Node takes: the code, the rule of http.md, and what has to be there. */
const REFUSED: Readonly<Partial<Record<Http1ErrorCode, readonly [rule: string, holds: (text: string) => boolean]>>> = {
  bad_method: ['rule 6: a method that is none of HTTP', (text) => / (?:RTSP|ICE)\/\d/.test(text)],
  bad_start_line: [
    'rule 6: only HTTP/1.0 and 1.1, one blank between the parts of a first line, CR and LF at its end and before it',
    (text) =>
      // A first line of HTTP/0.9, or of some other version or protocol; a length that ends between CR and LF.
      /(?:^|\n)[A-Z-]+ [^\r\n]*(?<! HTTP\/1\.[01])\r?\n| {2}|\r(?!\n)|(?<!\r)\n|content-length:/i.test(text),
  ],
  bad_target: [
    'rule 8: a control or non-ASCII character in the target',
    (text) => /^[^\r\n]*[^\x20-\x7e\r\n]/m.test(text),
  ],
  bad_field: [
    'rule 9: obs-fold, bare line ends, control characters',
    (text) => CONTROL.test(text) || /\r\n[ \t]|\r(?!\n)|(?<!\r)\n/.test(text),
  ],
  bad_coding: ['rule 6: no Transfer-Encoding but chunked', (text) => /transfer-encoding:/i.test(text)],
  two_codings: ['rule 6: one Transfer-Encoding', (text) => (text.match(/transfer-encoding:/gi) ?? []).length > 1],
  coding_in_1_0: ['rule 6: no Transfer-Encoding in HTTP/1.0', (text) => /HTTP\/1\.0/.test(text)],
  bad_length: [
    'rule 6: a length in another spelling',
    (text) => /content-length:[ \t]*(?!(?:0|[1-9]\d*)[ \t]*\r\n)/i.test(text),
  ],
  bad_chunk: [
    'RFC 9110 §7.8: an upgrade that nobody takes changes nothing; Node loses its place behind it',
    (text) => /\nupgrade:/i.test(text),
  ],
};

/** Where we take what Node refuses. */
const TAKEN: Exceptions = {
  'RFC 9112 §7.1.1: chunk extensions are ignored': (text) => /[\da-f];[^\r\n]*\r\n/i.test(text),
  'RFC 9112 §5.1: blanks around a value are none of it': (text) =>
    /(?:content-length|transfer-encoding):[^\r\n]*[ \t]\r\n/i.test(text),
  'RFC 9110 §7.8: an upgrade that nobody takes changes nothing; Node stops behind it': (text) =>
    /\nupgrade:/i.test(text),
  'RFC 9110 §6.5.1: what stands in a trailer is no option of the connection': (text) =>
    /\r\n0\r\n[^]*connection:/i.test(text),
  "RFC 9112 §C.2.2: Proxy-Connection is nobody's standard": (text) => /proxy-connection:/i.test(text),
  'http.md rule 8: the form of a target is judged behind the reader': (text) =>
    /[A-Z-]+ (?!\/|\*|https?:\/\/[\w.:-]+(?:\/| ))[^\r\n]* HTTP\//i.test(text),
};

/** Where Node goes on behind a request that closes the connection for us. */
const GOES_ON: Exceptions = {
  'RFC 9112 §9.3: `close` wins over `keep-alive`': (text) => /connection:[^\r\n]*close/i.test(text),
  "RFC 9112 §C.2.2: Proxy-Connection is nobody's standard": (text) => /proxy-connection:/i.test(text),
};

test(`requests are understood as Node's strict parser understands them, the exceptions of the tables aside (seed ${SEED})`, async (t) => {
  const counts: Record<string, number> = {};
  const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
  const objections: string[] = [];
  for (let n = 0; n < MUTANTS && objections.length < 10; n++) {
    const { segments } = mutantOf(SEED, n, PORT);
    const text = segments.join('');
    const [mine, other] = await Promise.all([understood(segments), theirs(segments)]);
    const place = mine.requests.findIndex((request, i) => request !== other.requests[i]);
    const what = [`mutant ${n}`, segments, mine, other]
      .map((part) => JSON.stringify(part).replaceAll(/(u{9})u+/g, '$1…'))
      .join('\n  ');
    if (place < 0 && mine.requests.length === other.requests.length) {
      count('alike');
      continue;
    }
    if (place < 0) {
      // Node takes one more.
      const [reason] = Object.entries(GOES_ON).find(([, holds]) => mine.closes && holds(text)) ?? [];
      const [rule, holds] = REFUSED[mine.refused as Http1ErrorCode] ?? [];
      if (reason !== undefined) {
        count(`closed: ${reason}`);
        continue;
      }
      if (rule !== undefined && holds?.(text)) count(`refused: ${rule}`);
      else objections.push(what);
      continue;
    }
    const [reason] = Object.entries(TAKEN).find(([, holds]) => holds(text)) ?? [];
    const isStopped = place >= other.requests.length || /\nupgrade:/i.test(text);
    if (isStopped && reason !== undefined) count(`taken: ${reason}`);
    else objections.push(what);
  }
  t.log(counts);
  t.deepEqual(objections, []);
  t.true((counts['alike'] ?? 0) > MUTANTS / 2, 'positive control');
});
