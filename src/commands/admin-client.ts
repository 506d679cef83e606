import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import path from 'node:path';
import type { ReloadRefused } from '../admin/schemas.ts';
import { readAdminPart } from '../config/admin.ts';
import type { Address } from '../config/config.ts';
import { formatDiagnostic, type Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { findConfigFile } from '../config/find-file.ts';
import { Secret } from '../core/secret.ts';
import type { CommandCode } from './codes.ts';
import { printError } from './output.ts';
import type { CommandFailure, Context } from './output.ts';

/** A running proxy's admin address, and the token for it. */
export interface AdminTarget {
  readonly address: Address;
  readonly shown: string;
  readonly token: Secret | undefined;
}

export interface AdminReply {
  readonly status: number;
  readonly body: unknown;
}

const TIMEOUT_MS = 10_000;
const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const WHERE = 'write host:port, http://host:port or unix:/path';

const shownAs = (address: Address): string =>
  'path' in address
    ? `unix:${address.path}`
    : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;

/** Reads `--admin`; undefined: it is no address. */
function readAddress(text: string, cwd: string): Address | undefined {
  if (text.startsWith('unix:')) return text.length > 5 ? { path: path.resolve(cwd, text.slice(5)) } : undefined;
  const url = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:' || pathname !== '/' || search !== '') return undefined;
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port || 80) };
}

/**
 * Where a running proxy is asked: at `--admin`, else `$OUTRIDER_ADMIN`, else at the config's `admin.address`. The token is the config's,
 * else `$OUTRIDER_ADMIN_TOKEN`. Nothing else of the config matters.
 */
export function findAdmin({ config, env, cwd }: Context, flag?: string): AdminTarget | CommandFailure {
  const given = flag ?? (env['OUTRIDER_ADMIN'] || undefined);
  const file = findConfigFile(config, env, cwd);
  const admin = file === undefined ? undefined : readAdminPart(file, env);
  const variable = env['OUTRIDER_ADMIN_TOKEN'];
  const token = (admin !== false && admin?.token) || (variable ? new Secret(variable) : undefined);
  const found = (address: Address): AdminTarget => ({ address, shown: shownAs(address), token });
  if (given !== undefined) {
    const address = readAddress(given, cwd);
    if (address) return found(address);
    const name = flag === undefined ? '$OUTRIDER_ADMIN' : '--admin';
    return { code: 'bad_address', message: `${name} is not an address`, help: WHERE };
  }
  const help = 'name the admin address of the running proxy with --admin';
  if (file === undefined) return { code: 'no_config', message: 'there is no config file that says where to ask', help };
  if (admin === undefined) return { code: 'no_admin', message: `${file} does not say where to ask`, help };
  if (admin === false) return { code: 'no_admin', message: 'the admin address is switched off', help };
  const { address } = admin;
  if ('port' in address && address.port === 0)
    return { code: 'no_admin', message: 'the admin port is any free one', help };
  return found(address);
}

const optionsFor = ({ address, token }: AdminTarget): RequestOptions => ({
  ...('path' in address
    ? { socketPath: address.path }
    : { host: EVERYWHERE[address.host] ?? address.host, port: address.port }),
  headers: { Host: 'localhost', ...(token && { Authorization: `Bearer ${token.reveal()}` }) },
  agent: false,
});

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One request; an answer that is not JSON has no body. Rejects when none comes. */
export function askAdmin(
  target: AdminTarget,
  method: 'GET' | 'POST',
  url: string,
  timeoutMs = TIMEOUT_MS,
): Promise<AdminReply> {
  return new Promise((resolve, reject) => {
    const call = request({ ...optionsFor(target), method, path: url, timeout: timeoutMs }, (answer) => {
      readAll(answer).then((text) => resolve({ status: answer.statusCode ?? 0, body: asJson(text) }), reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    call.on('error', reject).end();
  });
}

/** What happens from `lastEventId` on, one event after the other; ends when the proxy does. Rejects when there is no answer. */
export async function* followAdmin(
  target: AdminTarget,
  lastEventId: number,
): AsyncGenerator<{ readonly name: string; readonly data: unknown }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { headers, ...options } = optionsFor(target);
    const own = { ...(headers as Record<string, string>), 'Last-Event-ID': String(lastEventId) };
    request({ ...options, path: '/api/events', headers: own }, resolve)
      .on('error', reject)
      .end();
  });
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (name !== undefined && data !== undefined) yield { name, data: asJson(data) };
    }
  }
}

/** Diagnostics that a proxy tells, as `check` prints them but for the lines of the file, which may lie elsewhere. */
export const diagnosticsText = (diagnostics: ReloadRefused['diagnostics'], color: boolean): string =>
  diagnostics.map((one) => `${formatDiagnostic(one as Diagnostic, '', { color })}\n\n`).join('');

/** Says that nothing answers. Returns the exit code 1. */
export const printSilence = (context: Context, { shown }: AdminTarget, error: unknown): 1 =>
  printError(context, {
    code: 'not_running',
    message: `nothing answers on ${shown}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`,
    help: 'is the proxy running, with this config? --admin names another address',
  });

/** Where the remedy is for programs, and the detail says it. */
const SAYS_ALL: ReadonlySet<string> = new Set(['bad_request', 'invalid_config']);

/** Says what a proxy refused, or that what answers is none. Returns the exit code 1. */
export function printRefusal(context: Context, { shown }: AdminTarget, { status, body }: AdminReply): 1 {
  const { code, detail, remedy, diagnostics } = (body ?? {}) as Partial<ReloadRefused>;
  // The last is what the port for requests says.
  if (code === undefined || detail === undefined || code === 'route_not_found') {
    const message = `what answers on ${shown} is no admin API of Outrider (status ${status})`;
    return printError(context, { code: 'not_running', message, help: 'name the admin address with --admin' });
  }
  if (code === 'unauthenticated') {
    const help = 'the token is the `admin.token` of the config, else $OUTRIDER_ADMIN_TOKEN';
    return printError(context, { code, message: `the proxy on ${shown}: ${detail}`, help });
  }
  context.stderr.write(diagnosticsText(diagnostics ?? [], context.color));
  // A proxy of the same version says no other code.
  const known = code as CommandCode;
  const failure = {
    code: known,
    message: detail,
    ...(remedy !== undefined && !SAYS_ALL.has(code) && { help: remedy }),
  };
  return printError(context, failure, diagnostics && { diagnostics });
}

/** Asks a running proxy, and hands on what it answers with 200; undefined after having said what went wrong. */
export async function callAdmin<Body>(
  context: Context,
  flag: string | undefined,
  method: 'GET' | 'POST',
  url: string,
): Promise<{ readonly target: AdminTarget; readonly body: Body } | undefined> {
  const target = findAdmin(context, flag);
  if ('code' in target) {
    printError(context, target);
    return undefined;
  }
  try {
    const reply = await askAdmin(target, method, url);
    if (reply.status === 200 && reply.body !== undefined) return { target, body: reply.body as Body };
    printRefusal(context, target, reply);
  } catch (error) {
    printSilence(context, target, error);
  }
  return undefined;
}
