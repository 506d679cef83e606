import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Address } from '../config/config.ts';
import { OutriderError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { listen, originOf } from '../core/listen.ts';
import { formatSize } from '../core/units.ts';
import { problem, text, type AdminAnswer, type EventStream, type Page } from './answer.ts';

const MAX_BODY_BYTES = 2 * 1024 * 1024;

/** One condition for being ready. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong, or worth knowing. It is public, so it holds no secret. */
  readonly detail?: string;
}

/** Returns the checks of the moment. The process is ready when all are ok. No check asks a provider. */
export type Readiness = () => readonly Check[];

/** What the admin server needs. */
export interface AdminOptions {
  readonly address: Address;
  /** The token that every path below `/api` needs where `needsToken` says so, as `Authorization: Bearer`. */
  readonly token: Secret | undefined;
  /** Whether the paths below `/api` need the token. If there is no `token` then, nobody gets in. */
  readonly needsToken: () => boolean;
  /** Decides who may ask at all, by Host and origin. The error that it returns or throws is the answer. */
  readonly guard: (request: IncomingMessage) => OutriderError | undefined;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly readiness: Readiness;
  /** The other pages, by path. `NAME` in a path stands for one segment. */
  readonly pages: ReadonlyMap<string, Page>;
  /** Called when a page fails by a fault of ours (`internal_error`). The cause is for the log. */
  readonly onFailure?: (error: OutriderError, requestId: string) => void;
}

/** The admin server. */
export interface Admin {
  /** Starts to listen. Resolves with the origin. Rejects with the system's error. */
  listen(): Promise<string>;
  /** Stops listening and closes all connections at once. */
  close(): Promise<void>;
  /** `http://host:port`, or `unix:/path`. */
  readonly origin: string;
}

/** Makes the pages for everyone whom the guard lets in, by their exact paths. */
function createPages({ metrics, readiness }: AdminOptions): ReadonlyMap<string, Page> {
  const verdict = (query: URLSearchParams): AdminAnswer => {
    const checks = readiness();
    const isReady = checks.every(({ ok }) => ok);
    const list = checks.map(({ name, ok, detail }) => `[${ok ? '+' : '-'}] ${name}${detail ? `: ${detail}` : ''}\n`);
    const word = isReady ? 'ok\n' : 'not ready\n';
    return text(isReady ? 200 : 503, query.has('verbose') ? list.join('') + word : word);
  };
  const { contentType: type } = metrics;
  return new Map<string, Page>([
    ['/livez', { GET: () => text(200, 'ok\n') }],
    ['/readyz', { GET: ({ query }) => verdict(query) }],
    ['/metrics', { GET: async () => ({ status: 200, type, body: await metrics.render() }) }],
  ]);
}

const digest = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Throws `unauthenticated` unless the header holds the token. Without a token nobody has it. */
function checkToken(token: Secret | undefined, authorization: string | undefined): void {
  const presented = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const isEqual = timingSafeEqual(digest(presented ?? ''), digest(token?.reveal() ?? ''));
  if (token && isEqual && presented !== undefined) return;
  throw new OutriderError('unauthenticated', {
    detail: token
      ? 'this needs `Authorization: Bearer` with the `admin.token` of the config'
      : 'this needs an `admin.token`, and the config has none',
    headers: ['WWW-Authenticate', 'Bearer realm="outrider-admin"'],
  });
}

/** Throws `bad_request` unless the type is JSON. Forms of other sites can send other types without asking, but not JSON. */
function checkType(type: string | undefined): void {
  if (type === undefined || /^application\/json *(?:;|$)/i.test(type)) return;
  throw new OutriderError('bad_request', {
    detail: 'the body is not JSON',
    remedy: 'Send it with `Content-Type: application/json`, or send none.',
  });
}

const tooLarge = (): OutriderError =>
  new OutriderError('body_too_large', {
    detail: `the body is larger than ${formatSize(MAX_BODY_BYTES)}`,
    remedy: 'Send a smaller body.',
    close: true,
  });

async function readJson(request: IncomingMessage): Promise<unknown> {
  checkType(request.headers['content-type']);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new OutriderError('bad_request', { detail: 'the body is not JSON', remedy: 'Send JSON.' });
  }
}

/** Keeps answers out of caches and frames, and lets a page load nothing. */
const OWN_HEADERS: OutgoingHttpHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

function send(request: IncomingMessage, response: ServerResponse, answer: AdminAnswer | EventStream): void {
  if ('open' in answer) {
    response.writeHead(200, { ...OWN_HEADERS, 'Content-Type': 'text/event-stream', Connection: 'close' });
    if (request.method === 'HEAD') response.end();
    else answer.open(response);
    return;
  }
  const { status, type, body, headers } = answer;
  const length = Buffer.byteLength(body);
  // A body that has not been read by now is not wanted, so the connection closes.
  const end: OutgoingHttpHeaders = request.complete ? {} : { Connection: 'close' };
  response.writeHead(status, { ...OWN_HEADERS, 'Content-Type': type, 'Content-Length': length, ...end, ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
  request.resume();
}

/** Makes the pattern of a path with `NAME` in it. */
const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll('NAME', '([^/]+)')}$`);

function decoded(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '');
  } catch {
    // No name has such an encoding.
    return '';
  }
}

/**
 * Makes the admin server, which has its own address. It serves `/livez`, `/readyz` (503 when a check fails; `?verbose` lists
 * the checks) and `/metrics`, to GET and HEAD, and `pages`. Errors are problem documents (RFC 9457).
 */
export function createAdmin(options: AdminOptions): Admin {
  const { address, token, guard } = options;
  const health = createPages(options);
  const pages = [...health, ...options.pages].map(([path, page]) => ({ pattern: patternOf(path), page }));

  async function answer(request: IncomingMessage, requestId: string): Promise<AdminAnswer | EventStream> {
    const refusal = guard(request);
    if (refusal) throw refusal;
    const [path = '', ...rest] = (request.url ?? '').split('?');
    if (options.needsToken() && /^\/api(?:\/|$)/.test(path)) checkToken(token, request.headers.authorization);
    const match = pages.map(({ pattern, page }) => ({ page, name: pattern.exec(path) })).find(({ name }) => name);
    if (!match) {
      throw new OutriderError('not_found', {
        detail: `there is ${[...health.keys(), ...options.pages.keys()].join(', ')} here`,
      });
    }
    const { page, name } = match;
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    const act = isGet ? page.GET : request.method === 'POST' ? page.POST : undefined;
    if (!act) {
      const allowed = [page.GET && 'GET, HEAD', page.POST && 'POST']
        .filter((method) => method !== undefined)
        .join(', ');
      throw new OutriderError('method_not_allowed', { detail: `here it is ${allowed}`, headers: ['Allow', allowed] });
    }
    if (!isGet) checkType(request.headers['content-type']);
    return act({
      query: new URLSearchParams(rest.join('?')),
      name: decoded(name?.[1]),
      requestId,
      lastEventId: [request.headers['last-event-id']].flat()[0],
      json: () => readJson(request),
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
    let said: AdminAnswer | EventStream;
    try {
      said = await answer(request, requestId);
    } catch (cause) {
      const detail = 'the admin page failed';
      const error = cause instanceof OutriderError ? cause : new OutriderError('internal_error', { detail, cause });
      if (error.code === 'internal_error') options.onFailure?.(error, requestId);
      said = problem(error, requestId);
    }
    if (!response.destroyed) send(request, response, said);
  }

  const server = createServer(
    { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 10_000, requireHostHeader: false },
    (request, response) => void handle(request, response),
  );
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => void handle(request, response));
  server.maxConnections = 256;

  return {
    async listen() {
      await listen(server, address);
      return originOf(server, address);
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
    get origin() {
      return originOf(server, address);
    },
  };
}
