import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { until } from './http1.ts';

/** One call of the token endpoint, read whole. */
export interface TokenCall {
  /** From 1. */
  readonly n: number;
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly form: URLSearchParams;
  /** For answers that no plain value can say: slow, broken, endless. */
  readonly res: http.ServerResponse;
}

export interface TokenAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body: string | Uint8Array | Readonly<Record<string, unknown>>;
}

/** What a call gets. `undefined`: the script writes to `call.res` by itself. */
export type TokenScript = (call: TokenCall) => TokenAnswer | undefined | Promise<TokenAnswer | undefined>;

export interface TokenEndpoint {
  readonly url: string;
  readonly calls: readonly TokenCall[];
  /** Answers under way. */
  readonly underWay: number;
  /** The most that were under way at once. */
  readonly mostUnderWay: number;
  script: TokenScript;
  /** Resolves with the n-th call, from 1. */
  call(n: number): Promise<TokenCall>;
  close(): Promise<void>;
}

/** `token-1`, `token-2`, … each for an hour. */
export const numberedTokens: TokenScript = ({ n }) => granted(`token-${n}`);

export const granted = (accessToken: string, expiresIn: unknown = 3600): TokenAnswer => ({
  body: { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn },
});

/** A real token endpoint over HTTP that counts its calls and answers by script. */
export async function startTokenEndpoint(
  t: ExecutionContext,
  script: TokenScript = numberedTokens,
): Promise<TokenEndpoint> {
  const calls: TokenCall[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const server = http.createServer((req, res) => {
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    res.on('close', () => (underWay -= 1));
    const parts: Buffer[] = [];
    req.on('data', (chunk: Buffer) => parts.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      const call: TokenCall = {
        n: calls.length + 1,
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        body,
        form: new URLSearchParams(body),
        res,
      };
      calls.push(call);
      void (async () => {
        const answer = await endpoint.script(call);
        if (!answer || res.destroyed) return;
        const isObject = typeof answer.body === 'object' && !(answer.body instanceof Uint8Array);
        res.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
        res.end(isObject ? JSON.stringify(answer.body) : answer.body);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint: TokenEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/token`,
    calls,
    get underWay() {
      return underWay;
    },
    get mostUnderWay() {
      return mostUnderWay;
    },
    script,
    async call(n) {
      await until(`token call ${n}`, () => calls.length >= n);
      return calls[n - 1] as TokenCall;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  t.teardown(() => endpoint.close());
  return endpoint;
}
