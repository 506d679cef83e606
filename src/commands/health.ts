import { request } from 'node:http';
import type { Address } from '../config/config.ts';
import { readConfig } from './config-file.ts';
import type { Context } from './output.ts';
import { printError } from './output.ts';

const TIMEOUT_MS = 5_000;
/** Addresses that mean all interfaces, and the address to connect to in their place. */
const REACHABLE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function ask(address: Address): Promise<{ status: number; body: string }> {
  const where =
    'path' in address
      ? { socketPath: address.path }
      : { host: REACHABLE[address.host] ?? address.host, port: address.port };
  return new Promise((resolve, reject) => {
    const call = request(
      { ...where, path: '/readyz?verbose', headers: { Host: 'localhost' }, timeout: TIMEOUT_MS, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: body.trimEnd() }));
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)));
    call.on('error', reject).end();
  });
}

/** `outrider health`: asks a running proxy at its admin address whether it is ready. Resolves with 0 if it is, else with 1. */
export async function health(context: Context): Promise<number> {
  const config = readConfig(context);
  if (!config) return 1;
  if (config.admin === false || ('port' in config.admin.address && config.admin.address.port === 0)) {
    const message = config.admin === false ? 'the admin address is switched off' : 'the admin port is any free one';
    return printError(context, { code: 'no_admin', message, help: 'set `admin.address` to a fixed address' });
  }
  const { address } = config.admin;
  const shown = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
  let answer: { status: number; body: string };
  try {
    answer = await ask(address);
  } catch (error) {
    const message = `nothing answers on ${shown}: ${(error as Error).message}`;
    const complaint = { code: 'not_running', message, help: 'is the proxy running, with this config?' } as const;
    return printError(context, complaint, { ready: false, admin: shown, checks: [] });
  }
  const ready = answer.status === 200;
  const facts = { ready, admin: shown, checks: answer.body.split('\n').slice(0, -1) };
  if (!context.json) context.stdout.write(`${answer.body}\n`);
  else if (ready) context.stdout.write(`${JSON.stringify(facts)}\n`);
  if (ready) return 0;
  return printError(context, { code: 'not_ready', message: `the proxy on ${shown} is not ready` }, facts);
}
