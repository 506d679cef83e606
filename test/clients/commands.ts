import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export type Scheme = 'base' | 'http' | 'https';

/** What a client is asked to do: GET, or POST the body. */
export interface Request {
  readonly check: string;
  readonly url: string;
  readonly body?: string;
}

/** `${NAME}` in it is taken from the environment that it runs in. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints: one body, one message with its head, or a line for each request. */
  readonly shows: 'body' | 'message' | 'lines';
  /** One for each request that it makes. */
  readonly checks: readonly string[];
}

export interface Client {
  /** As the table names it. */
  readonly name: string;
  /** The program without which it can't be tried. */
  readonly needs: string;
  /** What had to be said besides the variables. */
  readonly note?: string;
  readonly schemes: readonly Scheme[];
  /** The one variable that gives it the CA; undefined: there is none, and the note tells. */
  readonly ca?: string;
  /** Arguments that give it the CA, where there is no variable; under `exec --intercept` it gets it without. */
  readonly caArgs?: readonly string[];
  /** Always set for it. */
  readonly env?: Readonly<Record<string, string>>;
  /** How it sends `https://` to a proxy that ends no TLS: the whole URL in the clear. Undefined: by CONNECT alone. */
  readonly absolute?: { readonly env?: Readonly<Record<string, string>> };
  /** It speaks git's protocol: GETs below a repository alone. */
  readonly isGit?: true;
  /** Run before its requests that go through a proxy. */
  readonly prepare?: Pick<Command, 'command' | 'args'>;
  commands(requests: readonly Request[]): readonly Command[];
}

const PROGRAMS = join(import.meta.dirname, 'programs');
const ALL: readonly Scheme[] = ['base', 'http', 'https'];

/** A program that makes all its requests in one run, so that connections and tunnels are used again. */
const script =
  (command: string, ...args: readonly string[]) =>
  (requests: readonly Request[]): readonly Command[] => {
    const sent = requests.flatMap(({ url, body = '' }) => [url, body]);
    return [{ command, args: [...args, ...sent], shows: 'lines', checks: requests.map(({ check }) => check) }];
  };

/** A program that makes one request in one run. */
const each =
  (command: string, argsOf: (url: string, body: string | undefined) => readonly string[]) =>
  (requests: readonly Request[]): readonly Command[] =>
    requests.map(({ check, url, body }) => ({ command, args: argsOf(url, body), shows: 'body', checks: [check] }));

const python = (file: string) => script('python3', join(PROGRAMS, file));
const node = (file: string, ...args: readonly string[]) => script(process.execPath, join(PROGRAMS, file), ...args);

function openssl({ check, url, body = '' }: Request): Command {
  const { host, hostname, pathname, search } = new URL(url);
  const framing = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
  const start = `${body === '' ? 'GET' : 'POST'} ${pathname}${search} HTTP/1.0`;
  // -proxy takes host:port alone.
  const way = ['-proxy', '${PROXY_HOST}:${PROXY_PORT}', '-connect', host, '-servername', hostname];
  const trust = ['-verify_return_error', '-verify_hostname', hostname, '-CAfile', '${CA_FILE}'];
  return {
    command: 'openssl',
    args: ['s_client', ...way, ...trust, '-quiet'],
    // HTTP/1.0, or the answer may come in chunks.
    stdin: `${start}\r\nHost: ${host}\r\n${framing}\r\n${body}`,
    shows: 'message',
    checks: [check],
  };
}

const JAVA_PROXY = ['http', 'https'].flatMap((scheme) => [
  `-D${scheme}.proxyHost=\${PROXY_HOST}`,
  `-D${scheme}.proxyPort=\${PROXY_PORT}`,
]);
const JAVA_TRUST = [
  '-Djavax.net.ssl.trustStore=${JAVA_STORE}-${PROXY_PORT}',
  '-Djavax.net.ssl.trustStorePassword=changeit',
];
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', '${JAVA_CLASSES}'];
/** The CA of one run is the last of the bundle. */
const JAVA_IMPORT = `awk '/BEGIN CERT/{c=""} {c=c $0 "\\n"} END{printf "%s", c}' "$CA_FILE" > "$JAVA_STORE-$PROXY_PORT.pem" &&
  keytool -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -importcert -noprompt -keystore "$JAVA_STORE-$PROXY_PORT" -storepass changeit -file "$JAVA_STORE-$PROXY_PORT.pem"`;

/** Clients that people use, each as its documentation says. */
export const CLIENTS: readonly Client[] = [
  {
    name: 'curl',
    needs: 'curl',
    schemes: ALL,
    ca: 'CURL_CA_BUNDLE',
    commands: each('curl', (url, body) => ['-sSfm20', ...(body === undefined ? [] : ['--data-binary', body]), url]),
  },
  {
    name: 'wget',
    needs: 'wget',
    note: 'built on GnuTLS it reads no CA variable: `--ca-certificate=FILE`',
    schemes: ALL,
    commands: each('wget', (url, body) => [
      '-nv',
      '-O-',
      '-t1',
      ...(url.startsWith('https') ? ['--ca-certificate=${CA_FILE}'] : []),
      ...(body === undefined ? [] : [`--post-data=${body}`]),
      url,
    ]),
  },
  { name: 'Python urllib', needs: 'python3', schemes: ALL, ca: 'SSL_CERT_FILE', commands: python('urllib_client.py') },
  {
    name: 'Python http.client',
    needs: 'python3',
    note: 'reads no proxy variable: `set_tunnel`, or the whole URL as the target',
    schemes: ALL,
    ca: 'SSL_CERT_FILE',
    absolute: { env: { ABSOLUTE: '1' } },
    commands: python('http_client.py'),
  },
  {
    name: 'Node http, https',
    needs: process.execPath,
    schemes: ALL,
    ca: 'NODE_EXTRA_CA_CERTS',
    commands: node('node-http.mjs'),
  },
  {
    name: 'Node fetch',
    needs: process.execPath,
    schemes: ALL,
    ca: 'NODE_EXTRA_CA_CERTS',
    commands: node('node-fetch.mjs'),
  },
  {
    name: 'undici EnvHttpProxyAgent',
    needs: process.execPath,
    schemes: ALL,
    ca: 'NODE_EXTRA_CA_CERTS',
    commands: node('undici.mjs'),
  },
  {
    name: 'axios 1.13',
    needs: process.execPath,
    note: 'has a way of its own to proxies, which Node refuses to mix with its own: `NODE_USE_ENV_PROXY=`; wants no CA, since `https://` goes in the clear',
    schemes: ALL,
    env: { NODE_USE_ENV_PROXY: '' },
    absolute: {},
    commands: node('axios.mjs', 'axios-1.13'),
  },
  {
    name: 'axios 1.21',
    needs: process.execPath,
    schemes: ALL,
    ca: 'NODE_EXTRA_CA_CERTS',
    commands: node('axios.mjs', 'axios'),
  },
  {
    name: 'PHP curl',
    needs: 'php',
    note: 'reads no CA variable: the ini setting `curl.cainfo=FILE`',
    schemes: ALL,
    caArgs: ['-d', 'curl.cainfo=${CA_FILE}'],
    commands: script('php', join(PROGRAMS, 'curl.php')),
  },
  {
    name: 'PHP streams',
    needs: 'php',
    note: "reads no variable: `stream_context_create(['http' => ['proxy' => str_replace('http:', 'tcp:', getenv('HTTPS_PROXY'))]])`, with `'request_fulluri' => true` for `http://`; the ini setting `openssl.cafile=FILE`",
    schemes: ALL,
    caArgs: ['-d', 'openssl.cafile=${CA_FILE}'],
    commands: script('php', join(PROGRAMS, 'streams.php')),
  },
  {
    name: 'Ruby net/http',
    needs: 'ruby',
    note: 'reads `http_proxy` alone, for `https://` too',
    schemes: ALL,
    ca: 'SSL_CERT_FILE',
    commands: script('ruby', join(PROGRAMS, 'net_http.rb')),
  },
  {
    name: 'openssl s_client',
    needs: 'openssl',
    note: 'reads no variable: `-proxy HOST:PORT`, `-CAfile FILE`',
    schemes: ['https'],
    commands: (requests) => requests.map(openssl),
  },
  {
    name: 'git ls-remote',
    needs: 'git',
    note: 'sends no POST',
    schemes: ALL,
    ca: 'GIT_SSL_CAINFO',
    isGit: true,
    commands: each('git', (url) => ['ls-remote', url]),
  },
  { name: 'Go net/http', needs: 'go', schemes: ALL, ca: 'SSL_CERT_FILE', commands: script('${GO_CLIENT}') },
  {
    name: 'Java HttpClient',
    needs: 'javac',
    note: 'reads no variable: `-Dhttps.proxyHost=…` and its like, and a trust store made with keytool',
    schemes: ALL,
    prepare: { command: 'sh', args: ['-c', JAVA_IMPORT] },
    commands: (requests) => {
      const isDirect = requests.every(({ url }) => url.startsWith('${'));
      return script('java', ...JAVA, ...(isDirect ? [] : [...JAVA_PROXY, ...JAVA_TRUST]), 'Client')(requests);
    },
  },
];

/** Whether a program is installed. */
export const has = (program: string): boolean =>
  spawnSync(program, [program === 'go' ? 'version' : '--version']).error === undefined;
