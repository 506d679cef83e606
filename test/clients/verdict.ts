import { CLIENTS, type Client } from './commands.ts';
import { checksOf, COLUMNS, DOORS, idOf, postedBy, type Check, type Door } from './doors.ts';
import { BIG_SHA256, REFS_SHA256 } from './provider.ts';

/** What came of one request. */
export interface Result {
  /** The client takes it for a success. */
  readonly isOk: boolean;
  /** The beginning of what it got. */
  readonly text: string;
  /** What it says about it. */
  readonly said: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** By client, then by `door check`. */
export type Results = Readonly<Record<string, Readonly<Record<string, Result>>>>;

/** What the client had to see, at the doors that refuse it. PHP's streams don't tell the status of a CONNECT. */
const refusal = ({ scheme }: Door): RegExp =>
  scheme === 'base' ? /404|not found/i : /403|Forbidden|Cannot connect to HTTPS server through proxy/i;

function isRight(client: Client, door: Door, check: Check, result: Result): boolean {
  const { isOk, text, said, sha256 } = result;
  switch (check) {
    case 'stranger':
    case 'refused':
      return !isOk && refusal(door).test(`${said} ${text}`);
    case 'big':
      return isOk && sha256 === (client.isGit ? REFS_SHA256 : BIG_SHA256);
    case 'post':
      return isOk && text === postedBy(client);
    default:
      return isOk && (client.isGit ? /^[0-9a-f]{40}\tHEAD$/m.test(text) : text === `got ?${idOf(client, door)}`);
  }
}

/** What is wrong with what a client did at a door; nothing: it works there. */
export function faults(client: Client, door: Door, results: Results): readonly string[] {
  return checksOf(client, door).flatMap((check) => {
    const result = results[client.name]?.[`${door.name} ${check}`];
    if (!result) return `${check}: was not tried`;
    const { bytes, said, text } = result;
    return isRight(client, door, check, result) ? [] : `${check}: ${bytes} bytes, ${said}: ${text.slice(0, 600)}`;
  });
}

/** A row of the reference's table, from what came of this run. */
export function row(client: Client, results: Results): string {
  const cells = COLUMNS.map(([, names]) => {
    const doors = DOORS.filter(({ name }) => names.includes(name));
    const checks = doors.flatMap((door) => checksOf(client, door));
    if (checks.length === 0) return '–';
    if (doors.some((door) => faults(client, door, results).length > 0)) return 'no';
    if (checks.includes('refused')) return 'refused';
    return doors.some(({ wantsAbsolute }) => wantsAbsolute) ? 'in the clear' : 'yes';
  });
  const ca = client.ca === undefined ? '' : `\`${client.ca}\``;
  return `| ${[client.name, ...cells, ca, client.note ?? ''].join(' | ')} |`;
}

const HEADINGS = ['client', ...COLUMNS.map(([title]) => title), 'CA variable', 'besides'];
export const TABLE_HEAD = `| ${HEADINGS.join(' | ')} |\n|${'---|'.repeat(HEADINGS.length)}`;

/** The whole table; `rowOf` yields what stands there of a client that is not installed. */
export const table = (results: Results, rowOf: (client: Client) => string | undefined): string =>
  [TABLE_HEAD, ...CLIENTS.map((client) => rowOf(client) ?? row(client, results))].join('\n');
