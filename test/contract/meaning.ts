import { METHODS } from 'node:http';
import { membersOf, persists, readRequest, valuesOf, type Request } from '../helpers/rfc9112.ts';

/** What the contract says that has to become of one request; `/api` leads to the upstream's root, with a bearer token. */
export type Verdict =
  | { readonly kind: 'forwarded'; readonly meaning: Meaning; readonly mayBeRefused: boolean }
  /** Answered with a 4xx, nothing sent. `persists`: whether requests behind it are looked at. */
  | { readonly kind: 'refused'; readonly why: string; readonly persists: boolean | undefined };

/** What the upstream has to see, besides what is Outrider's own (Host, Connection, framing). */
export interface Meaning {
  readonly method: string;
  readonly target: string;
  /** `name: value`, the credential and Via included. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly isChunked: boolean;
  readonly persists: boolean | undefined;
}

export interface Premises {
  readonly port: number;
  /** The header that the profile puts in, its name in lower case. */
  credential(body: string): readonly [name: string, value: string];
}

/** The `Via` of a process ends in a name of its own. */
export const VIA = 'Via: 1.1 outrider-*';

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const ALLOWED_HOST = /^(?:localhost|.*\.localhost|127\.0\.0\.1|\[::1\])(?::\d*)?$/i;
const IMITATED = ['transferencoding', 'contentlength', 'host'];
const DROPPED =
  /^(?:connection|content-length|expect|forwarded|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|x-forwarded-.*|x-original-url|x-outrider-token)$/i;
const DOT_SEGMENT = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:$|\/|\\|%2f|%5c|;|%3b)/i;
const LIMITS = { headers: 200, headerBytes: 16 * 1024, targetBytes: 8192 };

const decodeOnce = (text: string): string =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Rule 8. */
function isBadTarget(target: string): boolean {
  const path = target.split('?')[0] as string;
  const seen = [path];
  for (let i = 0; i < 4; i++) seen.push(decodeOnce(seen.at(-1) as string));
  return (
    !/^\/(?!\/)[\x21-\x7e]*$/.test(target) ||
    /#/.test(target) ||
    /\\|%00|%(?![0-9a-f]{2})/i.test(path) ||
    seen.some((decoded) => DOT_SEGMENT.test(decoded))
  );
}

/** Rules 6–9 and 11: what makes a head unfit; after that nobody knows what follows. */
function unfit(request: Request): string | undefined {
  const { fields, method, target } = request;
  const hosts = valuesOf(request, 'host');
  const bytes = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (!METHODS.includes(method)) return 'an unknown method';
  if (method === 'CONNECT') return 'CONNECT';
  if (target.length > LIMITS.targetBytes) return 'a long target';
  if (fields.length > LIMITS.headers || bytes > LIMITS.headerBytes) return 'large headers';
  if (fields.some(([name]) => name.includes('_') && IMITATED.includes(name.toLowerCase().replaceAll(/[_-]/g, ''))))
    return 'an imitated name';
  if (hosts.length !== 1 || !HOST.test(hosts[0] as string)) return 'no Host, an odd one, or more than one';
  if (valuesOf(request, 'expect').some((value) => value.toLowerCase() !== '100-continue')) return 'Expect';
  return undefined;
}

/** Rules 1, 2, 5, 7, 8 and the routes: what is refused although it is understood. Yields the path otherwise. */
function denied(request: Request, { port }: Premises): { readonly why: string } | { readonly target: string } {
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.target);
  const [, authority = '', rest = ''] = absolute ?? [];
  const target = absolute ? (rest.startsWith('/') ? rest : `/${rest}`) : request.target;
  const host = absolute ? authority : (valuesOf(request, 'host')[0] as string);
  if (isBadTarget(target)) return { why: 'the target' };
  if (absolute && (/^https/i.test(request.target) || Number(/:(\d+)$/.exec(authority)?.[1]) !== port))
    return { why: 'the destination' };
  if (!ALLOWED_HOST.test(host)) return { why: 'the host' };
  if (request.fields.some(([name]) => /^(?:origin|sec-fetch-site)$/i.test(name))) return { why: 'the origin' };
  if (request.method === 'TRACE') return { why: 'TRACE' };
  const match = /^\/api(\/[^?]*)?(\?.*)?$/.exec(target);
  return match ? { target: `${match[1] ?? '/'}${match[2] ?? ''}` } : { why: 'no route' };
}

/** Rules 12 and 13. */
function headersOf(request: Request, [name, value]: readonly [name: string, value: string]): string[] {
  const named = membersOf(valuesOf(request, 'connection'));
  const kept = request.fields.filter(([own]) => !DROPPED.test(own) && !named.includes(own.toLowerCase()));
  const first = kept.findIndex(([own]) => own.toLowerCase() === name);
  const others = kept.filter(([own], i) => i === first || own.toLowerCase() !== name);
  const out = [...others.map((field) => field.join(': ')), VIA];
  const credential = `${name}: ${value}`;
  return first < 0 ? [...out, credential] : out.map((header, i) => (i === first ? credential : header));
}

/** Judges one request by the contract. */
export function judge(request: Request, premises: Premises): Verdict {
  const goesOn = persists(request);
  const why = unfit(request);
  if (why !== undefined) return { kind: 'refused', why, persists: false };
  const judged = denied(request, premises);
  if ('why' in judged) {
    const isTarget = /^(?:\/|https?:\/\/(?:\w*@)?[\w.:[\]-]*(?:[/?]|$))[\x21-\x7e]*$/i.test(request.target);
    const isCertain = request.framing === 'none' && request.doubts.length === 0 && isTarget;
    const isOver = goesOn === false;
    // The rest of a body that nobody wants is read on only for a while.
    return { kind: 'refused', why: judged.why, persists: isOver ? false : isCertain ? goesOn : undefined };
  }
  const { method, body, framing, doubts } = request;
  return {
    kind: 'forwarded',
    mayBeRefused: doubts.length > 0,
    meaning: {
      method,
      target: judged.target,
      headers: headersOf(request, premises.credential(body)),
      body,
      isChunked: framing === 'chunked',
      persists: goesOn,
    },
  };
}

/** What the contract says of everything that a caller sends on one connection. */
export interface Expectation {
  readonly verdicts: readonly Verdict[];
  readonly methods: readonly string[];
  /**
   * After the last verdict: `open`, nothing is left; `closed`, nothing more is looked at; `broken`, the bytes are refused;
   * `waiting`, more bytes are needed.
   */
  readonly end: 'open' | 'closed' | 'broken' | 'waiting';
  /** The head of a request whose body is broken, or not all there: so much of it may be on its way. */
  readonly rest: Verdict | undefined;
}

export function expectationOf(text: string, premises: Premises): Expectation {
  const verdicts: Verdict[] = [];
  const methods: string[] = [];
  for (let at = 0; at < text.length;) {
    const reading = readRequest(text, at);
    const head = reading.kind === 'request' ? reading.request : reading.head;
    if (reading.kind !== 'request') {
      const isHeadThere = text.includes('\r\n\r\n', at);
      const end = reading.kind === 'invalid' && isHeadThere ? 'broken' : 'waiting';
      return { verdicts, methods, end, rest: head && judge(head, premises) };
    }
    const verdict = judge(reading.request, premises);
    verdicts.push(verdict);
    methods.push(reading.request.method);
    if ((verdict.kind === 'refused' ? verdict : verdict.meaning).persists === false)
      return { verdicts, methods, end: 'closed', rest: undefined };
    at = reading.request.end;
  }
  return { verdicts, methods, end: 'open', rest: undefined };
}
