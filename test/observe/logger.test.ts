import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createLogger } from '../../src/observe/logger.ts';
import { fakeClock } from '../helpers/clock.ts';
import { capture } from './capture.ts';

const secretTexts = (): string[] => ['hunter-two-hunter'];
const base = { level: 'info', format: 'json', secretTexts } as const;

test('a line is JSON with time, level, message and fields', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream, clock: fakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6)) });
  logger.log('warn', 'something', { provider: 'phonepe', n: 1 });
  await logger.close();
  t.deepEqual(stream.json(), [
    { time: '2026-01-02T03:04:05.006Z', level: 'warn', message: 'something', provider: 'phonepe', n: 1 },
  ]);
});

test('secrets are hidden by key, by value and by look', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream });
  logger.log('info', 'with hunter-two-hunter in it', {
    client_secret: 'short',
    error: new Error('outer', { cause: new Error('sent client_secret=zzz9 to hunter-two-hunter') }),
    'hunter-two-hunter': 1,
  });
  await logger.close();
  t.notRegex(stream.text(), /hunter|short|zzz9/);
  t.like(stream.json()[0], { client_secret: '[redacted]', message: 'with [redacted] in it' });
});

test('a secret that was rotated in is hidden in the next line', async (t) => {
  const secrets = ['first-secret'];
  const stream = capture();
  const logger = createLogger({ ...base, secretTexts: () => secrets, stream });
  secrets[0] = 'second-secret';
  logger.log('info', 'first-secret second-secret');
  logger.line('{"path":"/third-secret"}');
  secrets[0] = 'third-secret';
  logger.flush();
  await logger.close();
  t.is(stream.json()[0]?.['message'], '[redacted] [redacted]');
  t.is(stream.json()[1]?.['path'], '/[redacted]');
});

test('no text can break a line or reach a terminal as a control sequence', async (t) => {
  const evil = 'a\nb\r\n{"level":"error"}\u001b[31m\u0085\u009b1m\u2028\u202ed\u007f\0';
  for (const format of ['json', 'pretty'] as const) {
    const stream = capture();
    const logger = createLogger({ ...base, format, stream, color: false });
    logger.log('info', evil, { evil, [evil]: new Error(evil) });
    await logger.close();
    t.is(stream.lines().length, 1);
    // eslint-disable-next-line no-control-regex
    t.notRegex(stream.text().slice(0, -1), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
    if (format === 'json') t.is(stream.json()[0]?.['message'], evil);
  }
});

test('lines below the level are not written', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, level: 'warn', stream });
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger.log(level, level);
  t.false(logger.isEnabled('info'));
  await logger.close();
  t.deepEqual(
    stream.json().map((line) => line['message']),
    ['warn', 'error'],
  );
});

test('stacks are shown at level debug only', async (t) => {
  for (const level of ['info', 'debug'] as const) {
    const stream = capture();
    const logger = createLogger({ ...base, level, stream });
    logger.log('error', 'failed', { error: new Error('x') });
    await logger.close();
    t.is(/logger\.test\.ts/.test(stream.text()), level === 'debug');
  }
});

test('the automatic format is pretty on a terminal and json elsewhere', async (t) => {
  const terminal = capture({ isTTY: true });
  const logger = createLogger({ ...base, format: 'auto', stream: terminal, color: false });
  logger.log('warn', 'token renewal failed', { provider: 'phonepe', detail: 'two words' });
  await logger.close();
  t.regex(
    terminal.text(),
    /^\d\d:\d\d:\d\d\.\d{3} warn {2}token renewal failed provider=phonepe detail="two words"\n$/,
  );
  t.is(createLogger({ ...base, format: 'auto', stream: capture() }).format, 'json');
});

test('a field cannot pose as time, level or message', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream });
  logger.log('info', 'real', { level: 'error', message: 'false' });
  await logger.close();
  t.like(stream.json()[0], { level: 'info', message: 'real', level_: 'error', message_: 'false' });
});

test('many lines make few writes, and keep their order with those written at once', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream });
  for (let i = 0; i < 500; i++) logger.line(`{"message":${i}}`);
  logger.log('info', 'between');
  for (let i = 500; i < 1_000; i++) logger.line(`{"message":${i}}`);
  await logger.close();
  const expected: unknown[] = Array.from({ length: 1_000 }, (_, i) => i);
  expected.splice(500, 0, 'between');
  t.deepEqual(
    stream.json().map((line) => line['message']),
    expected,
  );
  t.true(stream.writes.length <= 3);
});

test('a lone line is written at the end of its turn', async (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream });
  logger.line('{"message":1}');
  t.is(stream.text(), '');
  await setImmediate();
  await setImmediate();
  t.deepEqual(stream.json(), [{ message: 1 }]);
  await logger.close();
});

test('64 KiB of lines are not kept waiting', (t) => {
  const stream = capture();
  const logger = createLogger({ ...base, stream });
  for (let i = 0; i < 66; i++) logger.line(`{"message":"${'x'.repeat(1_000)}"}`);
  t.true(stream.lines().length >= 60);
});

test('a log that cannot be written ends nothing', async (t) => {
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }));
    },
  });
  const logger = createLogger({ ...base, stream });
  logger.log('info', 'one');
  await setImmediate();
  logger.log('info', 'two');
  logger.line('{}');
  await logger.close();
  t.pass();
});

for (const [how, code] of [
  ['process.exit()', 'process.exit(3)'],
  ['an exception nobody caught', "setImmediate(() => { throw new Error('x'); })"],
  ['the end of all work', ''],
] as const) {
  test(`lines that wait are written at ${how}`, (t) => {
    const module = fileURLToPath(new URL('../../src/observe/logger.ts', import.meta.url));
    const script = `
      import { createLogger } from ${JSON.stringify(module)};
      const logger = createLogger({ level: 'info', format: 'json', secretTexts: () => [] });
      for (let i = 0; i < 3; i++) logger.line('{"message":' + i + '}');
      logger.flush();
      for (let i = 3; i < 6; i++) logger.line('{"message":' + i + '}');
      ${code}`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    t.deepEqual(child.stderr.match(/(?<="message":)\d/g), ['0', '1', '2', '3', '4', '5']);
  });
}
