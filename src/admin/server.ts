import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Address } from '../config/config.ts';
import { OutriderError } from '../core/errors.ts';
import { PROBLEM_TYPE, problemJson, proxyStatus } from '../core/problem.ts';
import type { Secret } from '../core/secret.ts';
import { listen, originOf } from '../core/listen.ts';

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
  /** The token that every path but health and metrics needs, as `Authorization: Bearer`; undefined: none is needed. */
  readonly token: Secret | undefined;
  /** Decides who may ask at all, by Host and origin. The error that it returns or throws is the answer. */
  readonly guard: (request: IncomingMessage) => OutriderError | undefined;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  readonly readiness: Readiness;
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

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: OutgoingHttpHeaders;
}

const text = (status: number, body: string): AdminAnswer => ({ status, type: 'text/plain; charset=utf-8', body });

interface Page {
  /** Whether the page is open to everyone whom the guard lets in. */
  readonly isPublic: boolean;
  answer(query: URLSearchParams): AdminAnswer | Promise<AdminAnswer>;
}

/** Makes the pages, by their exact paths. */
function createPages({ metrics, readiness }: AdminOptions): ReadonlyMap<string, Page> {
  const health = (answer: Page['answer']): Page => ({ isPublic: true, answer });
  return new Map<string, Page>([
    ['/livez', health(() => text(200, 'ok\n'))],
    [
      '/readyz',
      health((query) => {
        const checks = readiness();
        const isReady = checks.every(({ ok }) => ok);
        const list = checks.map(
          ({ name, ok, detail }) => `[${ok ? '+' : '-'}] ${name}${detail ? `: ${detail}` : ''}\n`,
        );
        const verdict = isReady ? 'ok\n' : 'not ready\n';
        return text(isReady ? 200 : 503, query.has('verbose') ? list.join('') + verdict : verdict);
      }),
    ],
    ['/metrics', health(async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() }))],
  ]);
}

const ALLOW = 'GET, HEAD';
const digest = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Throws `client_unauthenticated` unless the header holds the token. */
function checkToken(token: Secret, authorization: string | undefined): void {
  const presented = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (timingSafeEqual(digest(presented ?? ''), digest(token.reveal())) && presented !== undefined) return;
  throw new OutriderError('client_unauthenticated', {
    detail: 'this page needs `Authorization: Bearer` with the `admin.token` of the config',
    headers: ['WWW-Authenticate', 'Bearer realm="outrider-admin"'],
  });
}

function problem(error: OutriderError, requestId: string): AdminAnswer {
  const headers: OutgoingHttpHeaders = { 'Proxy-Status': proxyStatus(error) };
  for (let i = 0; i < error.headers.length; i += 2) headers[error.headers[i] as string] = error.headers[i + 1];
  return { status: error.status, type: PROBLEM_TYPE, body: problemJson(error, requestId), headers };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body, headers }: AdminAnswer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * Makes the admin server, which has its own address. It serves `/livez`, `/readyz` (503 when a check fails; `?verbose` lists
 * the checks) and `/metrics`, to GET and HEAD. Errors are problem documents (RFC 9457).
 */
export function createAdmin(options: AdminOptions): Admin {
  const { address, token, guard } = options;
  const pages = createPages(options);

  async function answer(request: IncomingMessage): Promise<AdminAnswer> {
    const refusal = guard(request);
    if (refusal) throw refusal;
    const [path = '', ...rest] = (request.url ?? '').split('?');
    const page = pages.get(path);
    if (!page?.isPublic && token) checkToken(token, request.headers.authorization);
    if (!page) {
      throw new OutriderError('route_not_found', { detail: `there is ${[...pages.keys()].join(', ')} here` });
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new OutriderError('method_not_allowed', { detail: 'pages are read here', headers: ['Allow', ALLOW] });
    }
    return page.answer(new URLSearchParams(rest.join('?')));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // No page needs a request body. It is read so that the connection can be used again.
    request.resume();
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
    try {
      send(request, response, await answer(request));
    } catch (cause) {
      const detail = 'the admin page failed';
      const error = cause instanceof OutriderError ? cause : new OutriderError('internal_error', { detail, cause });
      if (error.code === 'internal_error') options.onFailure?.(error, requestId);
      send(request, response, problem(error, requestId));
    }
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
