import { inspect } from 'node:util';
import { serialize } from 'node:v8';
import test from 'ava';
import { z } from 'zod';
import { mask, Secret } from '../../src/core/secret.ts';
import { keepSecret, secretsIn } from '../helpers/canary.ts';

const TEXT = 'canary-within-a-Secret';
keepSecret('the text', TEXT);
const secret = new Secret(TEXT);
/** For what the types forbid. */
const careless = secret as unknown as string;

const messageOf = (act: () => unknown): string => {
  try {
    return inspect(act());
  } catch (error) {
    return inspect(error, { depth: 10, showHidden: true });
  }
};

for (const [how, shown] of Object.entries({
  'as a string': () => String(secret),
  'in a template': () => `${careless}`,
  'joined to a text': () => careless + '!',
  'in a list': () => [secret].join(),
  'as JSON': () => JSON.stringify({ a: [secret], b: new Map([['c', secret]]) }),
  'by inspection': () =>
    inspect({ a: secret }, { depth: Infinity, showHidden: true, getters: true, customInspect: true }),
  'by inspection without its own say': () => inspect({ a: secret }, { customInspect: false, showHidden: true }),
  'by its properties': () =>
    JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret), Object.assign({}, secret)]),
  'as a clone': () => inspect(structuredClone(secret)),
  'written out by V8': () => serialize(secret).toString('latin1'),
  'in an error': () => inspect(new Error(`with ${careless}`, { cause: secret })),
  'in what a schema says of it': () =>
    messageOf(() => z.object({ a: z.number(), b: z.string() }).parse({ a: secret, b: secret })),
  'as a number': () => String(Number(secret)),
  'by its digest': () => secret.digest(),
})) {
  test(`a secret does not show ${how}`, (t) => {
    t.deepEqual(secretsIn(shown()), []);
  });
}

test('positive control: it does when it is revealed', (t) => {
  t.deepEqual(secretsIn(secret.reveal()), ['the text']);
});

test('a mask tells two tokens apart, and shows too little of either to use it', (t) => {
  t.is(mask('short-enough'), '****');
  t.is(mask('eyJhbGciOiJIUzI1NiJ9.abc'), 'eyJh…bc (24 characters)');
  t.deepEqual(secretsIn(mask(TEXT)), []);
});
