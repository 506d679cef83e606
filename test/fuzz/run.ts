/**
 * `npm run fuzz -- --minutes 10`: requests and answers, right ones and broken ones, through the readers of `src/http1`, whole and in pieces;
 * and requests as they follow each other on a connection.
 * Ends with 1 at the first that means two things, takes too long, or ends in an error that is none of the readers' own.
 */
import { parseArgs } from 'node:util';
import { ChunkedDecoder } from '../../src/http1/chunked.ts';
import { Http1Error } from '../../src/http1/error.ts';
import { HeadReader, type HeadKind } from '../../src/http1/head.ts';
import { mixSeed, randomFrom } from '../helpers/random.ts';
import { mutantOf } from '../contract/mutants.ts';
import { mutate } from '../hostile/mutations.ts';
import { understood } from '../http1/understood.ts';

const { values: options } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const MAX_MS = 200;
const MAX_MIB = 400;
const LIMIT_BYTES = 2_000;
const REQUEST_LIMITS = { targetBytes: 500, fieldBytes: 1_500, fields: 50 };

type Read = (pieces: readonly Buffer[]) => string;

const told = (act: () => string): string => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Http1Error) return error.code;
    throw error;
  }
};

const headIn =
  (kind: HeadKind): Read =>
  (pieces) =>
    told(() => {
      const reader = new HeadReader(kind, kind === 'request' ? REQUEST_LIMITS : LIMIT_BYTES);
      let before = 0;
      for (const piece of pieces) {
        const end = reader.read(piece, 0);
        if (end < 0) {
          before += piece.length;
          continue;
        }
        const head = kind === 'answer' ? reader.answer() : kind === 'request' ? reader.request() : reader.fields();
        return JSON.stringify([head, before + end]);
      }
      return 'more';
    });

const chunkedIn: Read = (pieces) => {
  let body = '';
  const outcome = told(() => {
    const decoder = new ChunkedDecoder({ trailerBytes: LIMIT_BYTES });
    let before = 0;
    for (const piece of pieces) {
      // Data is moved together in place, and what is read here is read again.
      let end = 0;
      try {
        end = decoder.read(Buffer.from(piece), 0);
      } finally {
        body += decoder.piece?.toString('latin1') ?? '';
      }
      if (decoder.isDone) return String(before + end);
      before += piece.length;
    }
    return 'more';
  });
  return `${outcome} ${body}`;
};

const READERS: Readonly<Record<string, Read>> = {
  'a head of an answer': headIn('answer'),
  'a head of a request': headIn('request'),
  trailers: headIn('trailers'),
  'a chunked body': chunkedIn,
};

/** The bytes of an answer, of its body, or none that anybody would send. */
function bytesFrom(random: () => number): Buffer {
  const { bytes } = mutate(random);
  const kind = random();
  if (kind < 0.4) return Buffer.from(bytes, 'latin1');
  if (kind < 0.8) return Buffer.from(bytes.slice(bytes.indexOf('\r\n\r\n') + 4), 'latin1');
  if (kind < 0.9)
    return Buffer.from(bytes.replace(/^HTTP\/1.1 \d+/, 'GET /').replace(/^[^\r\n]*/, '$& HTTP/1.1'), 'latin1');
  return Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)));
}

/** What the server makes of requests one behind the other. */
async function conversation(segments: readonly string[]): Promise<string> {
  const { requests, refused: found, closes } = await understood(segments);
  // A CONNECT behind a request that is not answered yet is not taken.
  const refused = found === 'CONNECT' ? undefined : found;
  return JSON.stringify([requests, refused, refused === undefined && closes]);
}

/** Objects where the requests of a mutant mean something else in other segments. */
async function objectionTo(n: number, random: () => number): Promise<string | undefined> {
  const { segments } = mutantOf(seed, n, 8080);
  const text = segments.join('');
  const cut = piecesOf(Buffer.from(text, 'latin1'), random).map((piece) => piece.toString('latin1'));
  const [whole, pieces] = await Promise.all([conversation([text]), conversation(cut)]);
  const outcome = /"([a-z_]+)",(?:true|false)\]$/.exec(whole)?.[1] ?? 'taken';
  counts.set(`a connection: ${outcome}`, (counts.get(`a connection: ${outcome}`) ?? 0) + 1);
  return whole === pieces
    ? undefined
    : `mutant ${n} of seed ${seed}: ${whole} whole, ${pieces} in pieces\n${JSON.stringify(text)}`;
}

function piecesOf(bytes: Buffer, random: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  const longest = 1 + Math.floor(random() * 40);
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(random() * longest);
    pieces.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

const seed = Number(options.seed);
const until = performance.now() + Number(options.minutes) * 60_000;
let inputs = 0;
const counts = new Map<string, number>();
for (; performance.now() < until; inputs++) {
  const random = randomFrom(mixSeed(seed, inputs));
  const bytes = bytesFrom(random);
  for (const [what, read] of Object.entries(READERS)) {
    // Of this process's own time: what else the machine does is no fault of a reader.
    const began = process.cpuUsage();
    const whole = read([bytes]);
    const pieces = read(piecesOf(bytes, random));
    const ms = process.cpuUsage(began).user / 1_000;
    const objection =
      whole !== pieces ? `means ${whole} whole and ${pieces} in pieces` : ms > MAX_MS ? `took ${ms.toFixed(0)} ms` : '';
    if (objection !== '') {
      fail(`input ${inputs} of seed ${seed}, as ${what}: ${objection}\n${JSON.stringify(bytes.toString('latin1'))}`);
    }
    const outcome = /^[a-z_]+/.exec(whole)?.[0] ?? 'taken';
    counts.set(`${what}: ${outcome}`, (counts.get(`${what}: ${outcome}`) ?? 0) + 1);
  }
  if (inputs % 20 === 0) {
    const objection = await objectionTo(inputs / 20, random);
    if (objection !== undefined) fail(objection);
  }
  if (inputs % 50_000 === 0 && process.memoryUsage().rss > MAX_MIB * 1024 * 1024) {
    fail(`more than ${MAX_MIB} MiB after ${inputs} inputs`);
  }
}
print(`${inputs} inputs of seed ${seed}, each whole and in pieces`);
for (const [outcome, count] of counts) print(`${String(count).padStart(9)} ${outcome}`);
