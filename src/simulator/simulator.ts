import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { MaybePromise } from '../core/http.ts';
import { listen, originOf } from '../core/listen.ts';
import { answerCall } from './call.ts';
import { CONTROL_PATHS, control } from './control.ts';
import { createInstances } from './instance.ts';
import type { SimulatedProvider } from './instance.ts';
import { errorWords } from './kinds.ts';
import { HINT_HEADER } from './hint.ts';
import type { SimulatorAnswer } from './types.ts';

export { SIMULATED_KINDS, errorWords, examples, simulatedEndpoints } from './kinds.ts';
export { CONTROL_HELP, CONTROL_PATHS } from './control.ts';
export type { SimulatedProvider } from './instance.ts';
export type { Example } from './types.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/** A larger body is not read to its end; its connection is closed without an answer. */
const MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES;
const HINT = `errors.own are words of the simulator's; where a body has the provider's words alone, the header ${HINT_HEADER} says more`;
const LOOPBACK = '127.0.0.1';
const NO_BODY = Buffer.alloc(0);

/** What a simulator runs with. */
export interface SimulatorOptions {
  readonly providers: readonly SimulatedProvider[];
  readonly clock?: Clock;
}

/** A server that simulates providers. */
export interface Simulator {
  /**
   * Listens on the loopback address and resolves to the origin. Port 0, the default, takes any free port. Rejects with the
   * system's error, such as for a port that is taken.
   */
  listen(port?: number): Promise<string>;
  /** Does what a POST to `/_control/<what>` does. */
  control(what: string, query: URLSearchParams): MaybePromise<SimulatorAnswer>;
  /** Stops at once and cuts requests under way. May be called any number of times. */
  close(): Promise<void>;
  /** `http://127.0.0.1:PORT`. Reading it throws unless the server listens. */
  readonly origin: string;
}

const refuse = (status: number, error: string, rest: object = {}): SimulatorAnswer => ({
  status,
  body: { error, ...rest },
});
const tooLarge: SimulatorAnswer = { ...refuse(413, 'the body is larger than 1 MiB'), headers: { connection: 'close' } };

/** Reads a whole body. Undefined if it exceeds the limit or its sender went away. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else if (bytes > MAX_DRAINED_BYTES) request.destroy();
    });
    request.on('end', () => resolve(bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined));
    request.on('error', () => resolve(undefined));
    request.on('close', () => resolve(undefined));
  });
}

/** Splits a request target into its path, as it came, and its query. An absolute target loses its authority. */
function split(target: string): [path: string, query: URLSearchParams] {
  const local = target.replace(/^https?:\/\/[^/?]*/i, '');
  const at = local.indexOf('?');
  return at < 0 ? [local, new URLSearchParams()] : [local.slice(0, at), new URLSearchParams(local.slice(at + 1))];
}

/** The name of a provider, decoded from the first segment of a path. */
function mountName(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Creates the built-in simulators. Each provider is mounted below `/<name>`; paths below that are the real provider's.
 * `/_control/…` controls them, and `/` lists them. Every request gets an answer, whatever it holds. All times, including
 * `Date`, are by `clock`. Throws for an unknown kind, a reserved or empty name, and a name that occurs twice.
 */
export function createSimulator({ providers, clock = systemClock }: SimulatorOptions): Simulator {
  const instances = createInstances(providers, clock);
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 60_000 }, (request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readBody(request);
      const answer = body ? await dispatch(request, response, body) : tooLarge;
      if (answer && !response.destroyed) write(response, answer);
    } catch {
      if (response.headersSent) response.destroy();
      else write(response, refuse(500, 'the simulator failed'));
    }
  }

  async function dispatch(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<SimulatorAnswer | undefined> {
    const [path, query] = split(request.url ?? '');
    if (path === '/') return { status: 200, body: overview() };
    const end = path.indexOf('/', 1);
    const mount = mountName(end < 0 ? path.slice(1) : path.slice(1, end));
    if (mount === '_control') return control(instances, request.method ?? '', path, query, body);
    const instance = instances.get(mount);
    if (!instance) return refuse(404, 'no simulated provider has this name', { known: [...instances.keys()] });
    return answerCall(instance, request, response, { path: end < 0 ? '' : path.slice(end), query }, body);
  }

  function write(response: ServerResponse, { status, body, page, headers }: SimulatorAnswer): void {
    const bytes = Buffer.from(page ?? JSON.stringify(body));
    response.writeHead(status, {
      'content-type': page === undefined ? 'application/json' : 'text/html; charset=utf-8',
      'content-length': bytes.length,
      date: new Date(clock.now()).toUTCString(),
      ...headers,
    });
    response.end(bytes);
  }

  const overview = (): object => ({
    providers: [...instances.values()].map(({ name, kindName, kind }) => ({
      name,
      kind: kindName,
      ...(kind.token !== undefined && { token: `${origin()}/${encodeURIComponent(name)}${kind.token}` }),
      api: `${origin()}/${encodeURIComponent(name)}${kind.api}`,
      errors: errorWords(kindName),
    })),
    control: CONTROL_PATHS,
    hint: HINT,
  });

  function origin(): string {
    if (!server.listening) throw new Error('the simulator is not listening');
    return originOf(server, { host: LOOPBACK, port: 0 });
  }

  return {
    async listen(port = 0) {
      await listen(server, { host: LOOPBACK, port });
      return origin();
    },
    control: (what, query) => control(instances, 'POST', `/_control/${what}`, query, NO_BODY),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    get origin() {
      return origin();
    },
  };
}
