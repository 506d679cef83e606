import test from 'ava';
import { audit } from './audit.ts';
import type { Row } from './book.ts';
import type { Outcome, Told } from './payers.ts';

const row: Row = { id: 'pay-7', amount: 700 };
const told = (what: Told, detail = ''): Outcome => ({ ...row, told: what, detail });

const GOOD: readonly (readonly [Outcome, rows: number])[] = [
  [told('paid', '200'), 1],
  [told('paid, in part', '200'), 1],
  [told('refused', '500'), 0],
  [told('refused', '503'), 1],
  [told('refused', '401'), 0],
  [told('unknown', '502 upstream_failed'), 0],
  [told('unknown', '504 upstream_timeout'), 1],
  [told('not_sent', '502 upstream_unreachable'), 0],
  [told('aborted in the body'), 0],
  [told('aborted, waiting'), 0],
  [told('aborted, waiting'), 1],
];

const BAD: Readonly<Record<string, readonly [outcomes: readonly Outcome[], rows: readonly Row[], complaint: RegExp]>> =
  {
    'a payment that is not in the ledger': [[told('paid', '200')], [], /paid 200, and 0 rows$/],
    'a payment that was made twice': [[told('paid', '200')], [row, row], /paid 200, and 2 rows$/],
    'a failure behind which a payment was made twice': [
      [told('unknown', '502')],
      [row, row],
      /unknown 502, and 2 rows$/,
    ],
    'a `not_sent` that was sent': [[told('not_sent', '502')], [row], /not_sent 502, and 1 rows$/],
    'a rejection of what was executed': [[told('refused', '401')], [row], /refused 401, and 1 rows$/],
    'half a request that was completed': [[told('aborted in the body')], [row], /aborted in the body, and 1 rows$/],
    'an answer that makes no sense': [[told('nonsense', '200 ?')], [], /nonsense 200 \?$/],
    'a row that is nobody’s': [[], [row], /a row, and no caller$/],
    'another amount': [[told('paid', '200')], [{ ...row, amount: row.amount + 1 }], /another amount$/],
    'one payment of two callers': [[told('paid', '200'), told('paid', '200')], [row], /two callers$/],
  };

for (const [outcome, rows] of GOOD) {
  test(`the audit has nothing against: ${outcome.told} ${outcome.detail}, rows: ${rows}`, (t) => {
    t.deepEqual(audit([outcome], Array<Row>(rows).fill(row)).wrong, []);
  });
}

for (const [what, [outcomes, rows, complaint]] of Object.entries(BAD)) {
  test(`the audit finds ${what}`, (t) => {
    const { wrong } = audit(outcomes, rows);
    t.is(wrong.length, 1);
    t.regex(wrong[0] ?? '', complaint);
  });
}
