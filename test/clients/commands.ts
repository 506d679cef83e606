import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export type Door = 'base' | 'http' | 'https';

export interface Client {
  /** As the table names it. */
  readonly name: string;
  /** The program without which it can't be tried. */
  readonly needs: string;
  /** What had to be said besides the variables. */
  readonly note?: string;
  readonly doors: readonly Door[];
  /** It fetches this, and can do nothing else. */
  readonly fetches?: string;
  /** Run before all others. */
  readonly prepare?: Command;
  /** Undefined: it can't send a body, or not in this test. */
  command(url: string, body?: string): Command | undefined;
}

const PROGRAMS = join(import.meta.dirname, 'programs');
const ALL: readonly Door[] = ['base', 'http', 'https'];
const words = (command: string, ...args: readonly (string | undefined)[]): Command => ({
  command,
  args: args.filter((arg) => arg !== undefined),
});
const script =
  (interpreter: string, file: string) =>
  (url: string, body?: string): Command =>
    words(interpreter, join(PROGRAMS, file), url, body);

/** Whether a program is installed. */
export const has = (program: string): boolean =>
  spawnSync(program, [program === 'go' ? 'version' : '--version']).error === undefined;

function openssl(url: string, body?: string): Command | undefined {
  if (body !== undefined) return undefined;
  const { host, hostname, pathname, search } = new URL(url);
  return {
    command: 'openssl',
    // -proxy takes host:port alone.
    args: [
      's_client',
      '-proxy',
      '${PROXY_HOST_PORT}',
      '-connect',
      host,
      '-servername',
      hostname,
      '-verify_return_error',
      '-verify_hostname',
      hostname,
      '-CAfile',
      '${SSL_CERT_FILE}',
      '-quiet',
    ],
    stdin: `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  };
}

/** Clients that people use, each as its documentation says. */
export const CLIENTS: readonly Client[] = [
  {
    name: 'curl',
    needs: 'curl',
    doors: ALL,
    command: (url, body) =>
      words('curl', '-sS', '--fail', '-m', '20', ...(body === undefined ? [] : ['--data-binary', body]), url),
  },
  {
    name: 'wget',
    needs: 'wget',
    note: 'built on GnuTLS it reads no CA variable: `--ca-certificate=$SSL_CERT_FILE`',
    doors: ALL,
    command: (url, body) =>
      words(
        'wget',
        '-q',
        '-O',
        '-',
        '-t',
        '1',
        ...(url.startsWith('https') ? ['--ca-certificate=${SSL_CERT_FILE}'] : []),
        body === undefined ? undefined : `--post-data=${body}`,
        url,
      ),
  },
  { name: 'Python urllib', needs: 'python3', doors: ALL, command: script('python3', 'urllib_client.py') },
  {
    name: 'Python http.client',
    needs: 'python3',
    note: 'reads no proxy variable: `set_tunnel`, or the absolute URL',
    doors: ALL,
    command: script('python3', 'http_client.py'),
  },
  { name: 'Node http, https', needs: process.execPath, doors: ALL, command: script(process.execPath, 'node-http.mjs') },
  { name: 'Node fetch', needs: process.execPath, doors: ALL, command: script(process.execPath, 'node-fetch.mjs') },
  {
    name: 'undici EnvHttpProxyAgent',
    needs: process.execPath,
    doors: ALL,
    command: script(process.execPath, 'undici.mjs'),
  },
  {
    name: 'axios 1.13',
    needs: process.execPath,
    note: 'has a way of its own to proxies, which Node refuses to mix with its own: `NODE_USE_ENV_PROXY=`',
    doors: ALL,
    command: (url, body) => ({
      ...words(process.execPath, join(PROGRAMS, 'axios.mjs'), 'axios-1.13', url, body),
      env: { NODE_USE_ENV_PROXY: '' },
    }),
  },
  {
    name: 'axios 1.21',
    needs: process.execPath,
    doors: ALL,
    command: (url, body) => words(process.execPath, join(PROGRAMS, 'axios.mjs'), 'axios', url, body),
  },
  { name: 'openssl s_client', needs: 'openssl', note: '`-proxy`, `-CAfile`', doors: ['https'], command: openssl },
  {
    name: 'git ls-remote',
    needs: 'git',
    doors: ALL,
    fetches: '/repo.git',
    command: (url, body) => (body === undefined ? words('git', 'ls-remote', url) : undefined),
  },
  { name: 'Go net/http', needs: 'go', doors: ALL, command: (url, body) => words('${GO_CLIENT}', url, body) },
  {
    name: 'Java HttpClient',
    needs: 'javac',
    note: 'reads no variable: `proxy(…)`, and a trust store made with keytool',
    prepare: words(
      'sh',
      '-c',
      // The CA of this run is the last of the bundle.
      `awk '/BEGIN CERT/{c=""} {c=c $0 "\\n"} END{printf "%s", c}' "$SSL_CERT_FILE" > "$JAVA_STORE.pem" && keytool -importcert -noprompt -keystore "$JAVA_STORE" -storepass changeit -file "$JAVA_STORE.pem"`,
    ),
    doors: ALL,
    command: (url, body) =>
      words(
        'java',
        '-Xshare:auto',
        '-XX:TieredStopAtLevel=1',
        '-Djavax.net.ssl.trustStore=${JAVA_STORE}',
        '-Djavax.net.ssl.trustStorePassword=changeit',
        '-cp',
        '${JAVA_CLASSES}',
        'Client',
        url,
        body,
      ),
  },
];
