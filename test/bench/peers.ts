import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram } from './processes.ts';

/** Where a proxy listens and sends, and a directory of its own for what it needs. */
export interface Place {
  readonly port: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
  readonly dir: string;
  /** The upstream speaks TLS, and this file holds the certificate to trust. */
  readonly certificate?: string;
}

const upstreamOf = ({ upstreamPort, certificate }: Place): string =>
  certificate === undefined ? `http://127.0.0.1:${upstreamPort}` : `https://localhost:${upstreamPort}`;

/** A command whose program trusts the certificate of the upstream. */
const trusting = ({ certificate }: Place, command: readonly string[]): readonly string[] =>
  certificate === undefined
    ? command
    : ['env', `NODE_EXTRA_CA_CERTS=${certificate}`, `SSL_CERT_FILE=${certificate}`, ...command];

/** One proxy that takes part. */
export interface Peer {
  readonly name: string;
  readonly title: string;
  isInstalled(): boolean;
  /** Writes what the proxy needs into `place.dir` and gives its command line; `nodeOptions` go to Node where it runs on it. */
  command(place: Place, nodeOptions?: readonly string[]): readonly string[];
}

const here = import.meta.dirname;
const CLI = join(here, '../../src/cli.ts');

const nodePeer = (name: string, title: string): Peer => ({
  name,
  title,
  isInstalled: () => true,
  command: ({ port, upstreamPort }, nodeOptions = []) => [
    process.execPath,
    ...nodeOptions,
    join(here, `peers/${name}.ts`),
    String(port),
    `http://127.0.0.1:${upstreamPort}`,
  ],
});

/** One route of the proxy under test, to a provider of {@link providersOf}. */
export interface BenchRoute {
  readonly path: string;
  readonly provider: 'token' | 'signed' | 'sigv4' | JwtAlgorithm | 'none';
}

/** The algorithms of JWTs that are measured. */
export const JWT_ALGORITHMS = ['ES256', 'RS256'] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** A new key of the kind that an algorithm takes. */
export const keyFor = (algorithm: JwtAlgorithm): KeyObject =>
  algorithm === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    : generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** Each request carries a JWT of its own. */
export const jwtProfile = (algorithm: JwtAlgorithm): unknown => ({
  credentials: { private_key: { secret: true, format: 'pem' } },
  jwt: {
    proof: {
      algorithm,
      key: '{{credentials.private_key}}',
      claims: { iss: 'bench', jti: '{{uuid}}', exp: { number: '{{now.s + 5m}}' } },
    },
  },
  inject: { headers: { authorization: 'Bearer {{jwt.proof}}' } },
});

const jwtProvider = (algorithm: JwtAlgorithm): unknown => ({
  profile: algorithm,
  credentials: { private_key: keyFor(algorithm).export({ format: 'pem', type: 'pkcs8' }) },
});

/** A token from the upstream's token endpoint, and a signature over the body. */
const providersOf = (upstream: string): Readonly<Record<'token' | 'signed' | 'sigv4', unknown>> => ({
  token: {
    profile: 'oauth2',
    endpoints: { token: `${upstream}/oauth/token` },
    credentials: { client_id: 'bench', client_secret: 'secret-of-the-benchmark' },
  },
  signed: {
    profile: 'phonepe-x-verify',
    environment: 'sandbox',
    endpoints: { api: `${upstream}/api` },
    credentials: { merchant_id: 'BENCH', salt_key: 'salt-of-the-benchmark' },
  },
  sigv4: {
    profile: 'aws',
    credentials: {
      access_key_id: 'BENCH',
      secret_access_key: 'secret-of-the-benchmark',
      region: 'eu-central-1',
      service: 'sqs',
    },
  },
});

/** The config of the proxy under test, access log and metrics on. */
function configOf(place: Place, routes: readonly BenchRoute[], mode: 'none' | 'intercept'): string {
  const { port, adminPort, dir } = place;
  const upstream = upstreamOf(place);
  const algorithms = JWT_ALGORITHMS.filter((algorithm) => routes.some(({ provider }) => provider === algorithm));
  return JSON.stringify({
    version: 1,
    listen: { address: `127.0.0.1:${port}` },
    admin: { address: `127.0.0.1:${adminPort}` },
    log: { level: 'info', format: 'json', access: true },
    state_dir: join(dir, 'state'),
    forward: { mode },
    profiles: Object.fromEntries(algorithms.map((algorithm) => [algorithm, jwtProfile(algorithm)])),
    providers: {
      ...providersOf(upstream),
      ...Object.fromEntries(algorithms.map((algorithm) => [algorithm, jwtProvider(algorithm)])),
    },
    routes: routes.map(({ path, provider }) => ({
      name: path.slice(1).replaceAll('/', '-'),
      match: { path },
      provider: provider === 'none' ? null : provider,
      upstream: `${upstream}/api`,
    })),
  });
}

export const outrider = (routes: readonly BenchRoute[], mode: 'none' | 'intercept' = 'none'): Peer => ({
  name: 'outrider',
  title: 'Outrider',
  isInstalled: () => true,
  command(place, nodeOptions = []) {
    const file = join(place.dir, 'proxy.config.yaml');
    writeFileSync(file, configOf(place, routes, mode));
    return trusting(place, [process.execPath, ...nodeOptions, CLI, 'start', '--config', file]);
  },
});

const nginx: Peer = {
  name: 'nginx',
  title: 'nginx, static header',
  isInstalled: () => hasProgram('nginx', '-v'),
  command({ port, upstreamPort, dir }) {
    const values: Record<string, string> = { PORT: String(port), UPSTREAM_PORT: String(upstreamPort), DIR: dir };
    const template = readFileSync(join(here, 'peers/nginx.conf'), 'utf8');
    const user = process.getuid?.() === 0 ? 'user root;\n' : '';
    writeFileSync(join(dir, 'nginx.conf'), user + template.replaceAll(/@([A-Z_]+)@/g, (_, name) => values[name] ?? ''));
    mkdirSync(join(dir, 'logs'), { recursive: true });
    return ['nginx', '-p', dir, '-e', join(dir, 'nginx-error.log'), '-c', join(dir, 'nginx.conf')];
  },
};

const go = (name: string, title: string, ...args: readonly string[]): Peer => ({
  name,
  title,
  isInstalled: () => hasProgram('go', 'version'),
  command(place) {
    const { port, dir } = place;
    const binary = join(dir, 'reverseproxy');
    const built = spawnSync('go', ['build', '-o', binary, '.'], { cwd: join(here, 'peers/go'), encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`go build failed: ${built.stderr}`);
    return trusting(place, ['env', 'GOMAXPROCS=1', binary, String(port), upstreamOf(place), ...args]);
  },
});

/** Everybody that the proxy under test is compared with. */
export const PEERS: readonly Peer[] = [
  nodePeer('raw', 'bytes between two sockets in Node, no HTTP'),
  nodePeer('undici', 'undici Pool.dispatch, nothing else'),
  go('go', 'Go httputil.ReverseProxy'),
  go('go-pooled', 'Go httputil.ReverseProxy with a BufferPool', 'pooled'),
  nodePeer('http-proxy', 'http-proxy, keep-alive agent'),
  nginx,
];
