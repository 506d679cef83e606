import test from 'ava';
import { readTraceContext, traceParent } from '../../src/core/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const OK = `00-${TRACE}-${SPAN}-01`;

test('a traceparent is read as it is written', (t) => {
  const read = readTraceContext(['X-A', '1', 'TraceParent', OK]);
  t.deepEqual(read, { traceId: TRACE, spanId: SPAN, flags: 1, state: '' });
  t.is(traceParent({ traceId: TRACE, spanId: SPAN, flags: 1 }), OK);
});

test('of the flags, those that are known are sent on', (t) => {
  for (const [flags, sent] of Object.entries({ '00': '00', '01': '01', '02': '02', '03': '03', ff: '03', fc: '00' })) {
    const read = readTraceContext(['traceparent', `00-${TRACE}-${SPAN}-${flags}`]);
    t.is(read && traceParent(read), `00-${TRACE}-${SPAN}-${sent}`);
  }
});

test('a later version is read as far as this one knows it', (t) => {
  for (const value of [`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`])
    t.like(readTraceContext(['traceparent', value]), { traceId: TRACE, spanId: SPAN, flags: 1 });
});

for (const [title, value] of Object.entries({
  nothing: '',
  'the forbidden version': `ff-${TRACE}-${SPAN}-01`,
  'more than version 00 has': `${OK}-more`,
  'a later version that goes on without a dash': `cc-${TRACE}-${SPAN}-01.more`,
  'a trace id of zeros': `00-${'0'.repeat(32)}-${SPAN}-01`,
  'a span id of zeros': `00-${TRACE}-${'0'.repeat(16)}-01`,
  capitals: OK.toUpperCase(),
  'a short trace id': `00-${TRACE.slice(1)}-${SPAN}-01`,
  'a long span id': `00-${TRACE}-${SPAN}0-01`,
  'letters that are no digits': `00-${TRACE.replace('4', 'g')}-${SPAN}-01`,
  'flags of one digit': `00-${TRACE}-${SPAN}-1`,
  'other signs between the parts': OK.replaceAll('-', '_'),
})) {
  test(`a traceparent is not valid: ${title}`, (t) => {
    t.is(readTraceContext(['traceparent', value, 'tracestate', 'a=1']), undefined);
  });
}

test('two traceparents are none, even if they are the same', (t) => {
  t.is(readTraceContext(['traceparent', OK, 'traceparent', OK]), undefined);
});

const state = (...values: readonly string[]): string | undefined =>
  readTraceContext(['traceparent', OK, ...values.flatMap((value) => ['tracestate', value])])?.state;

test('the members of all tracestate fields are joined, in their order', (t) => {
  t.is(state('foo=1,bar=2', '', 'rojo@v=3 ,\t congo= a b'), 'foo=1,bar=2,rojo@v=3,congo= a b');
  t.is(state(`${'a'.repeat(256)}=${'b'.repeat(256)}`), `${'a'.repeat(256)}=${'b'.repeat(256)}`);
  t.is(state(`${'0'.repeat(241)}@${'v'.repeat(14)}=1`), `${'0'.repeat(241)}@${'v'.repeat(14)}=1`);
});

const many = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=1`).join(',');

test('a tracestate has at most 32 members', (t) => {
  t.is(state(many(32)), many(32));
  t.is(state(many(33)), '');
  t.is(state(many(20), many(13)), '');
});

for (const value of [
  'foo',
  '=1',
  'foo=',
  'foo =1',
  'FOO=1',
  'foo.bar=1',
  'foo@=1',
  '@foo=1',
  'foo@@bar=1',
  'foo=1=2',
  'foo=\u00e9',
  `${'a'.repeat(257)}=1`,
  `a=${'b'.repeat(257)}`,
  `${'t'.repeat(242)}@v=1`,
  `t@${'v'.repeat(15)}=1`,
]) {
  test(`a tracestate with a member that is not valid counts as none: ${value.slice(0, 20)}…${value.length}`, (t) => {
    t.is(state('ok=1', value), '');
  });
}
