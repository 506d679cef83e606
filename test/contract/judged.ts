import { createHash } from 'node:crypto';
import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { readAnswers, type WireAnswer } from '../helpers/answers.ts';
import { until, within } from '../helpers/http1.ts';
import { startOrigin, type Origin, type OriginRequest } from '../helpers/origin.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { readRequest, type Request } from '../helpers/rfc9112.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { tokenYaml } from './given.ts';
import { expectationOf, type Expectation, type Meaning, type Premises, type Verdict } from './meaning.ts';

const MS = 10_000;

/** What came of the bytes that one caller sent. */
interface Outcome {
  readonly answers: readonly WireAnswer[];
  readonly isClosed: boolean;
  /** What the origin has got since. */
  readonly requests: readonly OriginRequest[];
  readonly firstNumber: number;
  readonly unfinished: readonly string[];
}

/** A proxy before an origin that keeps every byte. */
export interface Judged {
  readonly port: number;
  readonly origin: Origin;
  /** Sends these segments on a connection of their own, and judges what came of them. */
  readonly send: (segments: readonly string[]) => Promise<Judgement>;
}

export interface Judgement {
  /** What the contract says against it. */
  readonly objection: string | undefined;
  readonly statuses: readonly number[];
  /** What the origin got: method, target and body. */
  readonly seen: readonly string[];
}

export const seen = ({ request }: OriginRequest): string =>
  `${request.method} ${request.target}${request.body === '' ? '' : ` ${request.body}`}`;

/** The headers at the origin, but for those that the transport makes. */
function headersAt({ fields }: Request): string[] {
  return fields
    .filter(([name]) => !/^(?:host|connection|content-length|transfer-encoding)$/i.test(name))
    .map(([name, value]) => `${name}: ${value}`.replace(/^(Via: 1\.1 outrider-)[0-9a-f]{12}$/, '$1*'));
}

function differences(meaning: Meaning, request: Request, authority: string): string | undefined {
  const { method, target, headers, body, isChunked } = meaning;
  const framing = isChunked ? 'chunked' : undefined;
  const host = request.fields.filter(([name]) => /^host$/i.test(name)).map(([, value]) => value);
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['method', method, request.method],
    ['target', target, request.target],
    ['version', '1.1', request.version],
    ['host', authority, host.join()],
    ['headers', headers.join('\n'), headersAt(request).join('\n')],
    ['body', body, request.body],
    ['framing', framing, request.framing === 'chunked' ? 'chunked' : undefined],
  ];
  const [what, meant, came] = pairs.find(([, one, other]) => one !== other) ?? [];
  return what === undefined ? undefined : `${what}: ${JSON.stringify(meant)} became ${JSON.stringify(came)}`;
}

/** Whether what never became whole at the origin is the beginning of what a caller meant. */
function isBeginning(text: string, rest: Verdict | undefined): boolean {
  if (rest?.kind !== 'forwarded') return false;
  const reading = readRequest(text);
  if (reading.kind !== 'incomplete' || !reading.head) return reading.kind === 'incomplete';
  const { method, target, body } = reading.head;
  return method === rest.meaning.method && target === rest.meaning.target && rest.meaning.body.startsWith(body);
}

const isRefusal = (answer: WireAnswer | undefined): boolean =>
  answer !== undefined && answer.status >= 400 && answer.status < 500;

/** @param lately Of what began in this conversation and the ones before it: the end of that takes its time. */
function compare(
  expected: Expectation,
  outcome: Outcome,
  authority: string,
  lately: readonly (Verdict | undefined)[],
): string | undefined {
  const { answers, requests, isClosed } = outcome;
  let taken = 0;
  let mayStop = false;
  let hasStopped = false;
  for (const [i, verdict] of expected.verdicts.entries()) {
    const answer = answers[i];
    if (!answer) {
      const isSilent = i > 0 && verdict.kind === 'refused' && verdict.persists !== true;
      const isDoubtful = verdict.kind === 'forwarded' && verdict.mayBeRefused;
      if (isClosed && (mayStop || isSilent || isDoubtful)) {
        hasStopped = true;
        break;
      }
      return `request ${i} (${verdict.kind}) has no answer`;
    }
    if (verdict.kind === 'refused') {
      if (!isRefusal(answer)) return `request ${i} is to be refused (${verdict.why}), and got ${answer.status}`;
      mayStop ||= verdict.persists === undefined;
      continue;
    }
    if (verdict.mayBeRefused && isRefusal(answer)) {
      if (!/^connection: close\r$/im.test(answer.head)) return `request ${i} was refused and the connection not closed`;
      hasStopped = true;
      if (answers.length > i + 1) return 'there are answers behind a refusal';
      break;
    }
    const request = requests[taken++];
    if (answer.status !== 200 || !request) return `request ${i} got ${answer.status} ${answer.body}`;
    const number = String(outcome.firstNumber + taken);
    if (verdict.meaning.method !== 'HEAD' && answer.body !== number) return `request ${i} got the answer of another`;
    const difference = differences(verdict.meaning, request.request, authority);
    if (difference !== undefined) return `request ${i}: ${difference}`;
    mayStop ||= verdict.meaning.persists === undefined;
  }
  if (requests.length !== taken) return `the origin got ${requests.length} requests, not ${taken}`;
  const more = answers.slice(expected.verdicts.length);
  if (hasStopped) return undefined;
  if (expected.end === 'open' || expected.end === 'closed') {
    if (more.length > 0) return `there are ${more.length} answers too many`;
  } else if (more.length > 1 || !more.every(isRefusal)) {
    return `what is ${expected.end} was answered: ${more.map(({ status }) => status).join()}`;
  } else if (expected.end === 'broken' && expected.verdicts.length === 0 && more.length === 0) {
    return 'the refusal was not answered';
  }
  const odd = outcome.unfinished.find((text) => !lately.some((rest) => isBeginning(text, rest)));
  if (odd !== undefined) return `the origin was sent ${JSON.stringify(odd)}`;
  if (expected.end !== 'open' && !isClosed) return `the connection was left open (${expected.end})`;
  return undefined;
}

/** Sends the segments, waits for what is to come, and closes. */
async function converse(port: number, segments: readonly string[], expected: Expectation): Promise<[string, boolean]> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  let text = '';
  let isClosed = false;
  let wake = Promise.withResolvers<void>();
  const changed = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const closed = (): void => {
    isClosed = true;
    changed();
  };
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    changed();
  });
  socket.on('end', closed).on('error', closed).on('close', closed);
  for (const segment of segments) {
    socket.write(segment, 'latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  const isEnough = (): boolean => readAnswers(text, expected.methods).answers.length >= expected.verdicts.length;
  try {
    while (!isClosed && !isEnough()) await within(MS, 'an answer', wake.promise);
    if (expected.end === 'waiting') socket.end();
    while (!isClosed && expected.end !== 'open') await within(MS, 'the close', wake.promise);
  } catch {
    // What is missing is found out by comparing.
  }
  socket.resetAndDestroy();
  return [text, isClosed];
}

/** Signs every body, which has to be whole for that. */
const signingYaml = (upstream: string): string => `
profiles:
  own:
    title: Own
    credentials: { salt: { secret: true } }
    sign: [{ text: "{{request.body}}{{credentials.salt}}", algorithm: sha256, set: { header: x-sig, value: "{{signature}}" } }]
providers:
  own: { profile: own, credentials: { salt: s4lt } }
routes:
  - { name: api, match: { path: /api }, provider: own, upstream: "${upstream}" }`;

const signature = (body: string): string => createHash('sha256').update(`${body}s4lt`, 'latin1').digest('hex');

const KINDS = {
  token: {
    credential: () => ['authorization', 'Bearer token-1'],
    yaml: async (t, origin) => tokenYaml(origin, (await startTokenEndpoint(t)).url),
  },
  signature: {
    credential: (body) => ['x-sig', signature(body)],
    yaml: async (_, origin) => signingYaml(origin),
  },
} satisfies Record<string, Omit<Premises, 'port'> & { yaml(t: ExecutionContext, origin: string): Promise<string> }>;

export async function givenJudged(t: ExecutionContext, kind: keyof typeof KINDS = 'token'): Promise<Judged> {
  const origin = await startOrigin(t);
  const { credential, yaml } = KINDS[kind];
  const { port } = await startOutrider(t, await yaml(t, origin.origin));
  const premises: Premises = { port, credential };
  const lately: (Verdict | undefined)[] = [];
  return {
    port,
    origin,
    async send(segments) {
      const expected = expectationOf(segments.join(''), premises);
      lately.unshift(expected.rest);
      lately.length = Math.min(lately.length, 4);
      const before = { requests: origin.requests.length, unfinished: origin.unfinished.length };
      const [text, isClosed] = await converse(port, segments, expected);
      await until('nothing half done at the origin', () => origin.underWay.length === 0, MS).catch(() => undefined);
      const unfinished = [...origin.unfinished.slice(before.unfinished), ...origin.underWay];
      const requests = origin.requests.slice(before.requests);
      const { answers } = readAnswers(text, expected.methods);
      const outcome = { answers, isClosed, requests, firstNumber: before.requests, unfinished };
      const objection = origin.violations[0] ?? compare(expected, outcome, origin.authority, lately);
      return {
        objection: objection && `${objection}\n${JSON.stringify(text)}`,
        statuses: answers.map(({ status }) => status),
        seen: requests.map(seen),
      };
    },
  };
}
