import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { FORM, JSON_TYPE, payuFields, sha256, startCallbacks, xVerify, type Sent, type World } from './given.ts';

const RUNS = { numRuns: 60 };
/** A field as a person may fill it in: any characters, less the one that no field may hold. */
const field = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('|', '/').toWellFormed());
const payment = fc
  .record({
    status: fc.constantFrom('success', 'failure', 'pending'),
    txnid: fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replaceAll('|', '')),
    amount: fc.integer({ min: 1, max: 999_999 }).map((paise) => (paise / 100).toFixed(2)),
    productinfo: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.toWellFormed()),
    firstname: field,
    email: field,
    udf1: field,
    udf5: field,
    udf7: field,
  })
  .map((fields): Record<string, string> => ({ ...fields, key: 'KEY' }));

/** Sends it, and yields what the application got of it; undefined: nothing. */
async function deliver({ send, shop }: World, path: string, sent: Sent): Promise<Buffer | undefined> {
  const before = shop.requests.length;
  const { status } = await send(path, sent);
  if (shop.requests.length === before) return undefined;
  return status === 200 ? (await shop.requests.at(-1)?.body())?.bytes : undefined;
}

const formOf = (fields: Readonly<Record<string, string>>): Sent => ({
  headers: FORM,
  body: new URLSearchParams(fields).toString(),
});

async function passesWhole(t: ExecutionContext, world: World, path: string, sent: Sent): Promise<void> {
  t.is((await deliver(world, path, sent))?.toString('latin1'), Buffer.from(sent.body).toString('latin1'));
}

test('what PayU signs passes with every byte as it came, as a form and as JSON', async (t) => {
  const world = await startCallbacks(t);
  await fc.assert(
    fc.asyncProperty(payment, fc.boolean(), async (fields, isForm) => {
      const signed = payuFields(fields);
      const sent = isForm ? formOf(signed) : { headers: JSON_TYPE, body: JSON.stringify(signed, undefined, 1) };
      await passesWhole(t, world, '/callbacks/payu', sent);
    }),
    RUNS,
  );
});

test('nothing passes that PayU did not sign', async (t) => {
  const world = await startCallbacks(t);
  const covered = [
    'status',
    'txnid',
    'amount',
    'productinfo',
    'firstname',
    'email',
    'udf1',
    'udf5',
    'udf7',
    'key',
    'hash',
  ];
  await fc.assert(
    fc.asyncProperty(payment, fc.constantFrom(...covered), field, async (fields, name, other) => {
      const signed = payuFields(fields);
      fc.pre((signed[name] ?? '') !== other);
      t.is(await deliver(world, '/callbacks/payu', formOf({ ...signed, [name]: other })), undefined);
    }),
    RUNS,
  );
  t.is(world.shop.connections, 0);
});

test('no two payments have one text: a bar in the one field that may hold it moves into no other', async (t) => {
  const world = await startCallbacks(t);
  await fc.assert(
    fc.asyncProperty(payment, field, field, async (fields, one, other) => {
      const signed = payuFields({ ...fields, productinfo: `${one}|${other}` });
      // The same signed texts, divided at another bar.
      const moved = [
        { ...signed, firstname: `${signed['firstname']}|${one}`, productinfo: other },
        { ...signed, productinfo: one, amount: `${other}|${signed['amount']}` },
      ];
      for (const fields of moved) {
        t.is(payuFields(fields)['hash'], signed['hash'], 'the hash alone does not tell');
        // oxlint-disable-next-line no-await-in-loop
        t.is(await deliver(world, '/callbacks/payu', formOf(fields)), undefined);
      }
    }),
    RUNS,
  );
  t.is(world.shop.connections, 0);
});

test('what PhonePe signs passes with every byte as it came, and nothing else does', async (t) => {
  const world = await startCallbacks(t);
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.string(), async (content, salt) => {
      fc.pre(salt !== 'salt-of-phonepe-2');
      const sent = xVerify(content);
      await passesWhole(t, world, '/callbacks/xverify', sent);
      t.is(await deliver(world, '/callbacks/xverify', xVerify(content, salt)), undefined);
      const other = [...sent.headers.slice(0, 3), `${sha256(sent.body)}###2`];
      t.is(await deliver(world, '/callbacks/xverify', { ...sent, headers: other }), undefined);
    }),
    RUNS,
  );
});
