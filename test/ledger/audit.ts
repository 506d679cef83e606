import type { Row } from './book.ts';
import { REJECTED } from './payers.ts';
import type { Outcome, Told } from './payers.ts';

/** How many rows a payment may have, by what its caller knows. */
const ROWS: Readonly<Record<Told, readonly [least: number, most: number]>> = {
  paid: [1, 1],
  'paid, in part': [1, 1],
  refused: [0, 1],
  'refused, in part': [0, 1],
  unknown: [0, 1],
  not_sent: [0, 0],
  // Half a body is no request.
  'aborted in the body': [0, 0],
  'aborted, waiting': [0, 1],
  nonsense: [0, 0],
};

export interface Audit {
  /** How many callers were told what, and how many of those have a row: `refused 503 (row)`. */
  readonly totals: ReadonlyMap<string, number>;
  /** What is wrong, in words. */
  readonly wrong: readonly string[];
}

/** Compares what callers were told with what the provider wrote down. */
export function audit(outcomes: readonly Outcome[], rows: readonly Row[]): Audit {
  const wrong: string[] = [];
  const totals = new Map<string, number>();
  const byId = new Map<string, Row[]>();
  for (const row of rows) {
    const same = byId.get(row.id);
    if (same) same.push(row);
    else byId.set(row.id, [row]);
  }
  const known = new Set<string>();
  for (const { id, amount, told, detail } of outcomes) {
    if (known.has(id)) wrong.push(`${id}: two callers`);
    known.add(id);
    const own = byId.get(id) ?? [];
    const [least, most] = told === 'refused' && REJECTED.has(detail) ? [0, 0] : ROWS[told];
    const label = `${told}${detail === '' ? '' : ` ${detail}`}`;
    if (told === 'nonsense') wrong.push(`${id}: ${label}`);
    if (own.length < least || own.length > most) wrong.push(`${id}: ${label}, and ${own.length} rows`);
    if (own.some((row) => row.amount !== amount)) wrong.push(`${id}: another amount`);
    const name = `${told === 'nonsense' ? told : label}${own.length > 0 ? ' (row)' : ''}`;
    totals.set(name, (totals.get(name) ?? 0) + 1);
  }
  for (const id of byId.keys()) if (!known.has(id)) wrong.push(`${id}: a row, and no caller`);
  return { totals, wrong };
}

/** The totals as lines, most first. */
export const tell = ({ totals }: Audit): string =>
  [...totals]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${String(count).padStart(7)}  ${name}`)
    .join('\n');
