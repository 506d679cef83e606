import test from 'ava';
import { HeldAnswer } from '../../src/proxy/held-answer.ts';
import type { Answering } from '../../src/proxy/downstream.ts';

/** Notes in turn what is handed on. */
function notes(method = 'GET') {
  const said: string[] = [];
  const downstream: Answering = {
    method,
    answer: (status, _reason, _headers, body) => void said.push(`answer ${status} ${String(body)}`),
    startAnswer: (status) => void said.push(`head ${status}`),
    write: (piece) => said.push(`write ${Buffer.from(piece).toString()}`) > 0,
    end: () => void said.push('end'),
    cut: () => void said.push('cut'),
    closeAfterAnswer: () => void said.push('close'),
    onDrain: undefined,
  };
  return { said, downstream };
}

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly pieces?: readonly string[];
  readonly said: readonly string[];
}

const CASES: readonly Case[] = [
  {
    title: 'the last byte of a body of known length',
    headers: ['Content-Type', 'text/plain', 'Content-Length', '4'],
    pieces: ['ab', 'c', 'd'],
    said: ['head 200', 'write ab', 'write c', 'LINE', 'write d', 'end'],
  },
  {
    title: 'the last chunk, or the end of the connection',
    pieces: ['ab', 'cd'],
    said: ['head 200', 'write ab', 'write cd', 'LINE', 'end'],
  },
  { title: 'an empty body', headers: ['content-length', '0'], said: ['LINE', 'head 200', 'end'] },
  {
    title: 'an answer to HEAD',
    method: 'HEAD',
    headers: ['Content-Length', '10'],
    said: ['LINE', 'head 200', 'end'],
  },
  { title: 'a 204', status: 204, said: ['LINE', 'head 204', 'end'] },
  { title: 'a 304', status: 304, headers: ['Content-Length', '10'], said: ['LINE', 'head 304', 'end'] },
  {
    title: 'a switch of protocols',
    status: 101,
    pieces: ['a', 'b'],
    said: ['LINE', 'head 101', 'write a', 'write b', 'end'],
  },
];

for (const { title, method, status = 200, headers = [], pieces = [], said: expected } of CASES) {
  test(`the line of a request is written before ${title}`, (t) => {
    const { said, downstream } = notes(method);
    const held = new HeldAnswer(downstream, () => void said.push('LINE'));
    held.startAnswer(status, '', headers);
    for (const piece of pieces) t.true(held.write(Buffer.from(piece)));
    held.end();
    t.deepEqual(said, expected);
  });

  test(`what comes before the line is handed on, and the rest waits for the disk: ${title}`, async (t) => {
    const { said, downstream } = notes(method);
    const disk = Promise.withResolvers<void>();
    const held = new HeldAnswer(downstream, () => {
      said.push('LINE');
      return disk.promise;
    });
    held.startAnswer(status, '', headers);
    for (const piece of pieces) held.write(Buffer.from(piece));
    held.end();
    t.deepEqual(said, expected.slice(0, expected.indexOf('LINE') + 1));
    disk.resolve();
    await disk.promise;
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(said, expected);
  });
}

test('a whole answer waits, and one that is cut meanwhile goes nowhere', async (t) => {
  const { said, downstream } = notes();
  const disk = Promise.withResolvers<void>();
  const held = new HeldAnswer(downstream, () => disk.promise);
  held.answer(502, '', [], 'sorry');
  t.deepEqual(said, []);
  held.cut();
  disk.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(said, ['cut']);
});

test('a writer that had to wait is told when it may go on', async (t) => {
  const { said, downstream } = notes();
  const disk = Promise.withResolvers<void>();
  const held = new HeldAnswer(downstream, () => disk.promise);
  held.onDrain = () => void said.push('drain');
  held.startAnswer(101, '', []);
  t.false(held.write(Buffer.from('a')));
  disk.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(said, ['head 101', 'write a', 'drain']);
});
