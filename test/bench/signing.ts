/** What a JWT of its own costs a request, in this process: no kernel, no network, and node:crypto alone in the same rounds. */
import { sign } from 'node:crypto';
import { parseConfig } from '../../src/config/load.ts';
import type { Authorized, Authorizer, Outbound } from '../../src/auth/authorizer.ts';
import { benchOf } from '../auth/helpers.ts';
import { JWT_ALGORITHMS, type JwtAlgorithm, jwtProfile, keyFor } from './peers.ts';
import { median } from './report.ts';

const WARM_UP = 2_000;
const PER_ROUND = 500;
const ROUNDS = 15;

const REQUEST: Outbound = {
  method: 'GET',
  target: '/checkout/v2/order/OMO123456789/status?details=true',
  headers: [
    'Accept',
    'application/json',
    'User-Agent',
    'bench',
    'X-Request-Id',
    '0198a5d6-6a3c-7b1e-9d3e-5a1f7c0b2d4e',
  ],
  body: null,
};
/** The head and the body of an answer, which are searched for what was put into the request. */
const ANSWER = {
  head: 'application/json no-store Sun, 29 Nov 2026 00:00:00 GMT 0198a5d6-6a3c-7b1e-9d3e-5a1f7c0b2d4e',
  body: Buffer.from(JSON.stringify({ note: 'x'.repeat(489) })),
};

/** The authorizer of a provider that puts on a JWT, and of one that puts on a constant text. */
function authorizersOf(algorithm: JwtAlgorithm, pem: string): readonly [jwt: Authorizer, constant: Authorizer] {
  const upstream = 'http://127.0.0.1:9';
  const text = JSON.stringify({
    version: 1,
    profiles: { signed: jwtProfile(algorithm) },
    providers: {
      signed: { profile: 'signed', credentials: { private_key: pem } },
      constant: { profile: 'header', credentials: { name: 'Authorization', value: `Bearer ${'x'.repeat(40)}` } },
    },
    routes: [
      { match: { path: '/signed' }, provider: 'signed', upstream },
      { match: { path: '/constant' }, provider: 'constant', upstream },
    ],
  });
  const { config, diagnostics } = parseConfig(text, 'bench.yaml');
  const providers = ['signed', 'constant'].map((name) => config?.providers.get(name));
  const [signed, constant] = providers.map((provider) => {
    if (!provider) throw new Error(diagnostics.map(({ message }) => message).join('; '));
    return benchOf(provider).auth.forUpstream(upstream);
  });
  return [signed, constant] as [Authorizer, Authorizer];
}

function authorizeOnce(authorizer: Authorizer): void {
  const { secrets } = authorizer.authorize(REQUEST) as Authorized;
  if (secrets.mayStandIn(ANSWER.head)) throw new Error('the answer holds a secret');
  secrets.search(ANSWER.body, ANSWER.body.length, true);
}

/** CPU microseconds of one call. */
function timed(once: () => void, count: number): number {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) once();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / count;
}

/** What node:crypto takes for one signature, and what a JWT for each request costs above that and above a constant text. */
export interface SigningCost {
  readonly algorithm: JwtAlgorithm;
  readonly cryptoUs: number;
  readonly aboveUs: number;
}

export const measureSigningAlone = (): readonly SigningCost[] =>
  JWT_ALGORITHMS.map((algorithm) => {
    const key = keyFor(algorithm);
    const pem = key.export({ format: 'pem', type: 'pkcs8' }) as string;
    const [jwt, constant] = authorizersOf(algorithm, pem);
    const bytes = Buffer.alloc(200, 'x');
    const options = { key, dsaEncoding: 'ieee-p1363' } as const;
    const loads = [
      () => void sign('sha256', bytes, options),
      () => authorizeOnce(constant),
      () => authorizeOnce(jwt),
    ] as const;
    for (const once of loads) timed(once, WARM_UP);
    const rounds = Array.from({ length: ROUNDS }, () => loads.map((once) => timed(once, PER_ROUND)));
    return {
      algorithm,
      cryptoUs: median(rounds.map(([crypto = 0]) => crypto)),
      aboveUs: median(rounds.map(([crypto = 0, plain = 0, signed = 0]) => signed - plain - crypto)),
    };
  });
