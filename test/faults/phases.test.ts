import tls from 'node:tls';
import test from 'ava';
import type { Fault, Strike } from '../helpers/shim.ts';
import { CERTIFICATE } from '../contract/certificate.ts';
import { givenCells, METHODS, nothingLeft, readTable } from './cells.ts';

tls.setDefaultCACertificates([...tls.getCACertificates('default'), CERTIFICATE]);

/** Where each phase is cut, in bytes on the wire between proxy and upstream. */
const PHASES = {
  'request head': { way: 'up', bytes: 20 },
  'request body': { way: 'up', from: 'head', bytes: 100 },
  waiting: { way: 'down', bytes: 0 },
  'response head': { way: 'down', bytes: 25 },
  'response body': { way: 'down', from: 'head', bytes: 10 },
  idle: undefined,
} as const satisfies Record<string, Omit<Strike, 'fault'> | undefined>;

/** What the caller is told, whatever the method, over plain TCP and over TLS (error table, rules 18 and 25). */
const EXPECTED = readTable<keyof typeof PHASES, Fault>(`
                 latency  slow  slices  reset       half close  stall     garbage  truncation
  request head   200      200   200     failed      failed      late      bad      failed
  request body   200      200   200     failed      failed      late      bad      failed
  waiting        200      200   200     failed      failed      late      bad      failed
  response head  200      200   200     failed      failed      late      bad      failed
  response body  200      200   200     cut failed  cut failed  cut late  cut bad  cut failed
  idle           200      200   200     200         200         late      200      200
`);

for (const end of ['none', 'at the link'] as const) {
  for (const phase of Object.keys(PHASES) as (keyof typeof PHASES)[]) {
    const link = end === 'none' ? 'a link' : 'a TLS link';
    test(`rules 18, 25: ${link} that fails ${phase === 'waiting' ? 'while the answer is awaited' : `in the ${phase}`} costs a clear answer, and nothing stays behind`, async (t) => {
      const rows = EXPECTED.filter(([row]) => row === phase);
      const methods = phase === 'request body' ? METHODS.slice(1) : METHODS;
      const cells = rows.flatMap(([, fault, expected]) =>
        methods.map((method) => {
          const place = PHASES[phase];
          const what = `${phase}, ${fault}, ${method}`;
          return place
            ? { what, method, expected, strike: { fault, ...place } }
            : { what, method, expected, strike: undefined, idle: fault };
        }),
      );
      t.is(cells.length, 8 * methods.length);
      await (await givenCells(t, cells, end)).run();
    });
  }
}

test.after.always('nothing is left when everything has stopped', nothingLeft);
