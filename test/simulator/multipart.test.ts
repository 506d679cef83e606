import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import { FORM, send, sha512 } from './client.ts';
import type { Reply } from './client.ts';

const COMMAND = '/payu-hash/merchant/postservice.php?form=2';
const MULTIPART = 'multipart/form-data; boundary=XX';

async function post(
  t: ExecutionContext,
  contentType: string,
  body: string | Buffer,
  path = COMMAND,
): Promise<Reply['body']> {
  return (await send(await startSimulator(t), 'POST', path, { 'content-type': contentType }, body)).body;
}

const part = (name: string, value: string, more = ''): string =>
  `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n${more}\r\n${value}\r\n`;
const parts = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => part(name, value))
    .join('');

const command = (var1: string) => ({
  key: 'test',
  command: 'verify_payment',
  var1,
  hash: sha512(`test|verify_payment|${var1}|test`),
});
const VERIFY = parts(command('t1'));
const OK = /^0 out of \d+ Transactions Fetched/;

for (const [what, contentType, body] of [
  ['plain', MULTIPART, `${VERIFY}--XX--\r\n`],
  ['without a last line end', MULTIPART, `${VERIFY}--XX--`],
  ['with a quoted boundary and a charset', 'Multipart/Form-Data; charset=utf-8; Boundary="XX"', `${VERIFY}--XX--`],
  ['with text before and behind', MULTIPART, `before\r\n${VERIFY}--XX--\r\nbehind`],
  ['with an empty part', MULTIPART, `${VERIFY}${part('var2', '')}--XX--`],
  ['with a Content-Type for a part', MULTIPART, `${VERIFY}${part('var2', 'x', 'Content-Type: text/plain\r\n')}--XX--`],
  ['with an 8bit part', MULTIPART, `${VERIFY}${part('var2', 'ü', 'Content-Transfer-Encoding: 8BIT\r\n')}--XX--`],
  ['with a name that is a token', MULTIPART, `${VERIFY.replace('"var1"', 'var1')}--XX--`],
  ['with other letters in header names', MULTIPART, `${VERIFY.replaceAll('Content-D', 'cONTENT-d')}--XX--`],
] as const)
  test(`a multipart form ${what} is read`, async (t) => {
    t.regex((await post(t, contentType, body)).msg, OK);
  });

for (const var1 of ['', 'ä|ü', 'a\r\nb', ' a ', 'a+b%20c', 'x--XX--', '-', '{"a":"b"}'])
  test(`the value ${JSON.stringify(var1)} is taken from a multipart form as it is`, async (t) => {
    const { msg } = await post(t, MULTIPART, `${parts(command(var1))}--XX--\r\n`);
    t.not(msg, 'Invalid Hash.');
    if (var1) t.regex(msg, OK);
  });

test('what a browser or a program makes of FormData is read', async (t) => {
  const simulator = await startSimulator(t);
  const form = new FormData();
  for (const [name, value] of Object.entries(command('t1'))) form.set(name, value);
  const response = await fetch(simulator.origin + COMMAND, { method: 'POST', body: form });
  t.regex(((await response.json()) as { msg: string }).msg, OK);
});

test('a payment may be a multipart form, and its hash is judged', async (t) => {
  const fields = { key: 'test', txnid: 't1', amount: '1.00', productinfo: 'P', firstname: 'F', email: 'a@b.in' };
  const hash = sha512('test|t1|1.00|P|F|a@b.in|||||||||||test');
  const path = '/payu-payment/_payment';
  t.is((await post(t, MULTIPART, `${parts({ ...fields, hash })}--XX--`, path)).metaData.txnStatus, 'pending');
  const wrong = await post(t, MULTIPART, `${parts({ ...fields, hash, amount: '2.00' })}--XX--`, path);
  t.regex(wrong.metaData.message, /incorrectly calculated hash/);
});

for (const [what, contentType, body, says] of [
  ['no boundary', 'multipart/form-data', `${VERIFY}--XX--`, /boundary/],
  ['two boundaries', `${MULTIPART}; boundary=XX`, `${VERIFY}--XX--`, /boundary/],
  ['an empty boundary', 'multipart/form-data; boundary=""', `${VERIFY}--XX--`, /boundary/],
  ['a boundary of 71 letters', `multipart/form-data; boundary=${'X'.repeat(71)}`, `${VERIFY}--XX--`, /boundary/],
  ['another boundary', 'multipart/form-data; boundary=YY', `${VERIFY}--XX--`, /closing delimiter/],
  ['no end', MULTIPART, VERIFY, /closing delimiter|head/],
  ['no body', MULTIPART, '', /closing delimiter/],
  ['a file', MULTIPART, `${VERIFY}${part('f"; filename="a.txt', 'x')}--XX--`, /file/],
  ['an extended file name', MULTIPART, `${VERIFY}${part(`f"; filename*="UTF-8''a`, 'x')}--XX--`, /file/],
  ['base64', MULTIPART, `${VERIFY}${part('f', 'eA==', 'Content-Transfer-Encoding: base64\r\n')}--XX--`, /encoding/],
  ['a field twice', MULTIPART, `${VERIFY}${part('var1', 't1')}--XX--`, /twice/],
  ['two names in a part', MULTIPART, `${VERIFY}${part('f"; name="g', 'x')}--XX--`, /form-data/],
  ['two dispositions', MULTIPART, `${VERIFY}${part('f', 'x', 'Content-Disposition: form-data\r\n')}--XX--`, /twice/],
  ['an unnamed part', MULTIPART, `${VERIFY}--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--`, /name/],
  ['an empty name', MULTIPART, `${VERIFY}${part('', 'x')}--XX--`, /name/],
  ['a part without a head', MULTIPART, `${VERIFY}--XX\r\n\r\nx\r\n--XX--`, /head|Content-Disposition/],
  ['a part without a blank line', MULTIPART, `${VERIFY}--XX\r\nx\r\n--XX--`, /head/],
  ['an attachment', MULTIPART, `${VERIFY.replace('form-data', 'attachment')}--XX--`, /Content-Disposition/],
  ['a delimiter for a value', MULTIPART, `${VERIFY.replace('t1\r\n', '--XX\r\n')}--XX--`, /head/],
  ['a folded header', MULTIPART, `${VERIFY.replace('; name', ';\r\n name')}--XX--`, /head/],
  ['a lone line feed in a head', MULTIPART, `${VERIFY.replace('; name', ';\n name')}--XX--`, /head/],
  ['a delimiter after a lone line feed', MULTIPART, `${VERIFY.replace('t1\r\n', 't1\n')}--XX--`, /delimiter/],
  ['blanks behind a delimiter', MULTIPART, `${VERIFY.replace('--XX\r\n', '--XX \r\n')}--XX--`, /delimiter/],
  ['bytes that are not UTF-8', MULTIPART, Buffer.from(`${parts(command('é'))}--XX--`, 'latin1'), /UTF-8/],
  ['multipart/mixed', 'multipart/mixed; boundary=XX', `${VERIFY}--XX--`, /Content-Type/],
] as const)
  test(`a multipart form with ${what} is refused`, async (t) => {
    const { status, msg } = await post(t, contentType, body);
    t.is(status, 0);
    t.regex(msg, says);
  });

const VERIFY_FORM = String(new URLSearchParams(command('t1')));

for (const [what, contentType, body] of [
  ['another charset, all ASCII', `${FORM['content-type']}; charset=ISO-8859-1`, VERIFY_FORM],
  ['a trailing ampersand', FORM['content-type'], `${VERIFY_FORM}&`],
  ['values as encodeURI escapes them', FORM['content-type'], encodeURI(decodeURIComponent(VERIFY_FORM))],
] as const)
  test(`a URL-encoded form with ${what} is read`, async (t) => {
    t.regex((await post(t, contentType, body)).msg, OK);
  });

test('a token call is not taken as a multipart form', async (t) => {
  t.is(
    (await post(t, MULTIPART, `${parts({ client_id: 'test' })}--XX--`, '/payu-bbps/oauth/token')).error,
    'invalid_request',
  );
});
