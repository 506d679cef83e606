import { connect } from 'node:net';
import { addressText, type Address } from '../core/address.ts';
import { parseDuration } from '../core/units.ts';
import { endpointOf, locateAdmin } from './admin-target.ts';
import { writeFailure } from './failure.ts';
import type { Context } from './output.ts';
import { CommandRefusal } from './refusal.ts';

// Orchestrators ask often. So nothing is loaded here that is not needed: no YAML, no schema, no node:http.

export interface HealthOptions {
  /** The value of `--admin`: what `admin.address` takes, or an `http://` URL. */
  readonly admin?: string | undefined;
  /** The value of `--wait`: a duration. */
  readonly wait?: string | undefined;
}

const TIMEOUT_MS = 5_000;
/** The last attempt within `--wait` is not cut so short that it tells nothing. */
const LEAST_TIMEOUT_MS = 1_000;
const PAUSE_MS = 100;
const MAX_ANSWER_BYTES = 64 * 1024;
interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks for `/readyz` once. It does so in HTTP/1.0: there the answer ends with the connection. Rejects when no answer comes. */
function ask(address: Address, timeoutMs: number): Promise<Answer> {
  return new Promise((done, fail) => {
    const socket = connect(endpointOf(address));
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_BYTES) socket.destroy(new Error('the answer is too long'));
    });
    socket.on('error', fail).on('close', () => {
      clearTimeout(timer);
      const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(text)?.[1];
      const end = text.indexOf('\r\n\r\n');
      if (status === undefined || end < 0) fail(new Error('what answers there does not speak HTTP'));
      else done({ status: Number(status), body: text.slice(end + 4).trimEnd() });
    });
    socket.write('GET /readyz?verbose HTTP/1.0\r\nHost: localhost\r\n\r\n');
  });
}

/** Asks until the proxy is ready or the time is over. Resolves with the last answer or the last error. */
async function askUntil(address: Address, waitMs: number): Promise<Answer | Error> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    const leftMs = waitMs === 0 ? TIMEOUT_MS : endMs - performance.now();
    const timeoutMs = Math.min(TIMEOUT_MS, Math.max(Math.ceil(leftMs), LEAST_TIMEOUT_MS));
    const answer = await ask(address, timeoutMs).catch((error: Error) => error);
    const isReady = !(answer instanceof Error) && answer.status === 200;
    if (isReady || performance.now() + PAUSE_MS > endMs) return answer;
    await new Promise((resume) => setTimeout(resume, PAUSE_MS));
  }
}

/**
 * `outrider health`: asks a running proxy at its admin address whether it is ready. It reads only `admin.address` of the config,
 * and no config at all when `admin` or `$OUTRIDER_ADMIN` is given. Resolves with 0 if the proxy is ready, else with 1.
 */
export async function health(context: Context, { admin, wait = '0s' }: HealthOptions = {}): Promise<0 | 1> {
  const waitMs = parseDuration(wait);
  let address: Address;
  try {
    if (waitMs === undefined)
      throw new CommandRefusal('bad_duration', '`--wait` is not a duration', 'write 500ms, 30s or 2m');
    address = await locateAdmin(context, admin);
  } catch (error) {
    if (!(error instanceof CommandRefusal)) throw error;
    return writeFailure(context, error);
  }
  const shown = addressText(address);
  const after = waitMs === 0 ? '' : ` after ${wait}`;
  const answer = await askUntil(address, waitMs);
  if (answer instanceof Error) {
    const message = `nothing answers on ${shown}${after}: ${answer.message}`;
    const complaint = { code: 'not_running', message, help: 'is the proxy running, with this config?' } as const;
    return writeFailure(context, complaint, { ready: false, admin: shown, checks: [] });
  }
  const { status, body } = answer;
  if (status !== 200 && status !== 503) {
    const message = `what answers on ${shown}${after} is no admin address of Outrider (status ${status})`;
    const complaint = {
      code: 'not_running',
      message,
      help: 'name the admin address, not the one that requests go to',
    } as const;
    return writeFailure(context, complaint, { ready: false, admin: shown, checks: [] });
  }
  const ready = status === 200;
  const facts = { ready, admin: shown, checks: body.split('\n').slice(0, -1) };
  if (!context.json) context.stdout.write(`${body}\n`);
  else if (ready) context.stdout.write(`${JSON.stringify(facts)}\n`);
  if (ready) return 0;
  return writeFailure(context, { code: 'not_ready', message: `the proxy on ${shown} is not ready${after}` }, facts);
}
