import { createHash } from 'node:crypto';
import type { TestSimulator } from '../helpers/simulator.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of ten APIs, looked into by the tests
  readonly body: any;
}

/** One request; the answer must be JSON. */
export async function send(
  simulator: TestSimulator,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Promise<Reply> {
  const response = await fetch(simulator.origin + path, { method, headers, ...(body !== undefined && { body }) });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** A form call to a token endpoint. */
export const askToken = (
  simulator: TestSimulator,
  path: string,
  fields: Readonly<Record<string, string>>,
): Promise<Reply> =>
  send(simulator, 'POST', path, { ...FORM, accept: 'application/json' }, String(new URLSearchParams(fields)));

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const sha512 = (text: string): string => createHash('sha512').update(text).digest('hex');

/** The header and body of an X-VERIFY call: `path` starts after the base. */
export function sealed(
  path: string,
  payload: object,
  salt = 'test',
  index = '1',
): { headers: Record<string, string>; body: string } {
  const request = Buffer.from(JSON.stringify(payload)).toString('base64');
  return {
    headers: { ...JSON_TYPE, 'x-verify': `${sha256(request + path + salt)}###${index}`, 'x-client-id': 'test' },
    body: JSON.stringify({ request }),
  };
}

export const opened = (path: string, salt = 'test', index = '1'): Record<string, string> => ({
  'x-verify': `${sha256(path + salt)}###${index}`,
  'x-client-id': 'test',
  'x-merchant-id': 'test',
});

/** PayU's v2 headers. */
export function v2Headers(body: string, atMs: number, salt = 'test', key = 'test'): Record<string, string> {
  const date = new Date(atMs).toUTCString();
  const signature = sha512(`${body}|${date}|${salt}`);
  const authorization = `hmac username="${key}", algorithm="sha512", headers="date", signature="${signature}"`;
  return { date, authorization };
}
