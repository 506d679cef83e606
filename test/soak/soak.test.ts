import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { IS_SLOW } from '../helpers/slow.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
/** `npm run soak -- --minutes 60` for the whole of it. */
const ARGS = IS_SLOW ? ['--minutes', '0.13'] : ['--minutes', '0.08', '--rate', '200'];

/** What a run must tell. */
const LINES = [
  /^requests +\d+, \d+ of them failed$/m,
  /^faults +([4-9]|\d\d)$/m,
  /^RSS +\d+ MB at the start, \d+ MB at the end, slope -?\d+\.\d MB\/h/m,
  /^descriptors +\d+ at the start, \d+ at the end$/m,
  /^event loop p99 +\d+\.\d ms/m,
  /^nothing leaked, every failure has its cause$/m,
];

test('a short soak: faults one after the other, nothing leaks, every failure has its cause', async (t) => {
  t.timeout(120_000);
  const child = spawn(process.execPath, [RUN, ...ARGS], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGTERM'));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  t.log(`\n${text}`);
  t.is(code, 0, text);
  for (const line of LINES) t.regex(text, line);
});
