import type { Client, Request, Scheme } from './commands.ts';

/** How the proxy runs, and what the programs get from it. */
export const SESSIONS = ['exec', 'plain', 'intercept', 'exec --intercept'] as const;
export type Session = (typeof SESSIONS)[number];

export interface Door {
  readonly name: string;
  readonly session: Session;
  readonly scheme: Scheme;
  readonly title: string;
  /** It lets nobody through but those who send `https://` in the clear. */
  readonly wantsAbsolute?: true;
}

export const DOORS: readonly Door[] = [
  { name: 'base', session: 'exec', scheme: 'base', title: 'the base URL under exec' },
  { name: 'plain', session: 'plain', scheme: 'http', title: 'http:// and mode plain' },
  {
    name: 'plain-tls',
    session: 'plain',
    scheme: 'https',
    title: 'https:// in absolute form and mode plain',
    wantsAbsolute: true,
  },
  { name: 'intercept', session: 'intercept', scheme: 'https', title: 'https:// and mode intercept' },
  { name: 'exec-base', session: 'exec --intercept', scheme: 'base', title: 'the base URL under exec --intercept' },
  { name: 'exec-http', session: 'exec --intercept', scheme: 'http', title: 'http:// under exec --intercept' },
  { name: 'exec-https', session: 'exec --intercept', scheme: 'https', title: 'https:// under exec --intercept' },
];

/** The columns of the table, each with the doors that it stands for. */
export const COLUMNS: readonly (readonly [title: string, doors: readonly string[]])[] = [
  ['base URL', ['base']],
  ['`http://`, plain', ['plain']],
  ['`https://`, plain', ['plain-tls']],
  ['`https://`, intercept', ['intercept']],
  ['`exec --intercept`', ['exec-base', 'exec-http', 'exec-https']],
];

export type Check = 'get' | 'post' | 'renew' | 'big' | 'stranger' | 'refused';

export const HOST = 'api.provider.test';
export const STRANGER = 'stranger.test';
export const postedBy = (client: Client): string => `from ${client.name}`;

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
/** Tells one client at one door from all others. */
export const idOf = (client: Client, door: Door): string => slug(`${client.name} at ${door.name}`);

const isRefused = (client: Client, door: Door): boolean => door.wantsAbsolute === true && !client.absolute;

/** What a client does at a door. */
export function checksOf(client: Client, door: Door): readonly Check[] {
  if (!client.schemes.includes(door.scheme)) return [];
  if (isRefused(client, door)) return ['refused'];
  return client.isGit ? ['get', 'renew', 'big', 'stranger'] : ['get', 'post', 'renew', 'big', 'stranger'];
}

/** Its requests there, called `door check`. */
export function requestsOf(client: Client, door: Door, port: number): readonly Request[] {
  const id = idOf(client, door);
  const isBase = door.scheme === 'base';
  const base = isBase ? '${OUTRIDER_URL_API}' : `${door.scheme}://${HOST}:${port}/v1`;
  const [one, big] = client.isGit ? ['/one.git', '/many.git'] : [`/get?${id}`, `/big?${id}`];
  const urls: Readonly<Record<Check, string>> = {
    get: base + one,
    post: `${base}/post?${id}`,
    renew: `${base}/renew/${id}${one}`,
    big: base + big,
    stranger: isBase ? `\${OUTRIDER_URL}/${STRANGER}/` : `${door.scheme}://${STRANGER}:${port}/`,
    refused: `${base}/refused?${id}`,
  };
  return checksOf(client, door).map((check) => ({
    check: `${door.name} ${check}`,
    url: urls[check],
    ...(check === 'post' && { body: postedBy(client) }),
  }));
}
