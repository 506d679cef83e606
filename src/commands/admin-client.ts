import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import type { ReloadRefused } from '../admin/schemas.ts';
import { readAdminToken } from '../config/admin-token.ts';
import { formatDiagnostic, type Diagnostic } from '../config/diagnostics/diagnostics.ts';
import { findConfigFile } from '../config/find-file.ts';
import { addressText } from '../core/address.ts';
import { Secret } from '../core/secret.ts';
import { endpointOf, locateAdmin, type Endpoint } from './admin-target.ts';
import type { CommandCode } from './codes.ts';
import { printError, printFailure } from './output.ts';
import type { Context } from './output.ts';

/** The admin API of a running proxy, and the token for it. */
export interface AdminTarget {
  readonly endpoint: Endpoint;
  /** The address as a person reads it. */
  readonly shown: string;
  readonly token: Secret | undefined;
}

/** An answer of the API. The body is undefined when it is not JSON. */
export interface AdminReply {
  readonly status: number;
  readonly body: unknown;
}

const TIMEOUT_MS = 10_000;

/**
 * Finds the API of a running proxy, at the address that {@link locateAdmin} finds. The token is `admin.token` of the config, else
 * `$OUTRIDER_ADMIN_TOKEN`. Rejects with a {@link CommandRefusal}.
 */
export async function findAdmin(context: Context, flag?: string): Promise<AdminTarget> {
  const { config, env, cwd } = context;
  const address = await locateAdmin(context, flag);
  const file = findConfigFile(config, env, cwd);
  const variable = env['OUTRIDER_ADMIN_TOKEN'];
  const token = (file !== undefined && readAdminToken(file, env)) || (variable ? new Secret(variable) : undefined);
  return { endpoint: endpointOf(address), shown: addressText(address), token };
}

const optionsFor = ({ endpoint, token }: AdminTarget): RequestOptions => ({
  ...('path' in endpoint ? { socketPath: endpoint.path } : endpoint),
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

/** Sends one request to the API. Rejects when no answer comes. */
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

/** Yields the events after `lastEventId`. Ends when the proxy ends. Throws when no answer comes. */
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

/** Writes the diagnostics of an answer as `check` prints them, without the lines of the file: it may be on another machine. */
export const diagnosticsText = (diagnostics: ReloadRefused['diagnostics'], color: boolean): string =>
  diagnostics.map((one) => `${formatDiagnostic(one as Diagnostic, '', { color })}\n\n`).join('');

/** Prints that nothing answers. Returns the exit code 1. */
export const printSilence = (context: Context, { shown }: AdminTarget, error: unknown): 1 =>
  printError(context, {
    code: 'not_running',
    message: `nothing answers on ${shown}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`,
    help: 'is the proxy running, with this config? --admin names another address',
  });

/** The errors whose detail says all. Their remedy is for programs. */
const SAYS_ALL: ReadonlySet<string> = new Set(['bad_request', 'invalid_config']);

/** Prints why a proxy refused a request, or that what answers is no proxy. Returns the exit code 1. */
export function printRefusal(context: Context, { shown }: AdminTarget, { status, body }: AdminReply): 1 {
  const { code, detail, remedy, diagnostics } = (body ?? {}) as Partial<ReloadRefused>;
  // The port for requests answers `route_not_found`.
  if (code === undefined || detail === undefined || code === 'route_not_found') {
    const message = `what answers on ${shown} is no admin API of Outrider (status ${status})`;
    return printError(context, { code: 'not_running', message, help: 'name the admin address with --admin' });
  }
  if (code === 'unauthenticated') {
    const help = 'the token is the `admin.token` of the config, else $OUTRIDER_ADMIN_TOKEN';
    return printError(context, { code, message: `the proxy on ${shown}: ${detail}`, help });
  }
  context.stderr.write(diagnosticsText(diagnostics ?? [], context.color));
  // A proxy of the same version has no other codes.
  const known = code as CommandCode;
  const failure = {
    code: known,
    message: detail,
    ...(remedy !== undefined && !SAYS_ALL.has(code) && { help: remedy }),
  };
  return printError(context, failure, diagnostics && { diagnostics });
}

/** Sends a request to a running proxy. Undefined when the answer is no 200: the reason has been printed then. */
export async function callAdmin<Body>(
  context: Context,
  flag: string | undefined,
  method: 'GET' | 'POST',
  url: string,
): Promise<{ readonly target: AdminTarget; readonly body: Body } | undefined> {
  let target: AdminTarget;
  try {
    target = await findAdmin(context, flag);
  } catch (error) {
    printFailure(context, error);
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
