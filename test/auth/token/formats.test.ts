import test from 'ava';
import { TokenFailure } from '../../../src/auth/token/failure.ts';
import { readTokenResponse, type TokenAnswer } from '../../../src/auth/token/answer.ts';
import type { TokenFormat, TokenSpec } from '../../../src/config/profile/profile.ts';
import { readOf } from '../helpers.ts';

const ARRIVAL = { atMs: Date.UTC(2026, 0, 1), host: 'id.example' };

interface Given {
  readonly parts?: Partial<TokenSpec['read']>;
  readonly status?: number;
  readonly type?: string;
}

const read = (format: TokenFormat, body: string | Uint8Array, { parts, status = 200, type }: Given = {}): TokenAnswer =>
  readTokenResponse(
    readOf({ format, ...parts }),
    { status, headers: type === undefined ? [] : ['Content-Type', type], body: Buffer.from(body) },
    ARRIVAL,
  );

test('a form holds the token, its type, its lifetime and a refresh token, decoded', (t) => {
  t.deepEqual(read('form', 'access_token=a%2Bb%3D&expires_in=3600&token_type=mac&refresh_token=r+s&x'), {
    accessToken: 'a+b=',
    tokenType: 'mac',
    refreshToken: 'r s',
    lifetimeMs: 3_600_000,
  });
});

test('a form may have names of its own, a line break behind it and a byte order mark before it', (t) => {
  const parts = {
    accessToken: { pointer: '/a~1b', default: undefined },
    expiry: [{ in: '/ü', unit: 'ms' }],
  } as const;
  t.like(read('form', '\ufeffa%2Fb=token&%C3%BC=7\r\n', { parts }), { accessToken: 'token', lifetimeMs: 7 });
});

test('a name of a form that came twice is none of the two', (t) => {
  t.throws(() => read('form', 'access_token=a&access_token=b'), { message: /without a token: .*one text/ });
  t.throws(() => read('form', 'access_token=a&access%5Ftoken=a'), { message: /without a token/ });
  t.like(
    read('form', 'access_token=a&expires_in=1&expires_in=2&token_type=x&token_type=y&refresh_token=1&refresh_token=2'),
    {
      lifetimeMs: 600_000,
      tokenType: 'Bearer',
      refreshToken: undefined,
    },
  );
});

test('prototypes are no fields of a form', (t) => {
  for (const pointer of ['/__proto__', '/constructor', '/toString']) {
    t.throws(() => read('form', 'access_token=a', { parts: { accessToken: { pointer, default: undefined } } }));
  }
  const parts = { accessToken: { pointer: '/__proto__', default: undefined } };
  t.is(read('form', '__proto__=a', { parts }).accessToken, 'a');
});

test('a text is the token, white space at its ends cut; everything else is as when nothing is there', (t) => {
  t.deepEqual(read('text', ' \r\neyJ.a-b_c=\n\n', { type: 'text/plain' }), {
    accessToken: 'eyJ.a-b_c=',
    tokenType: 'Bearer',
    refreshToken: undefined,
    lifetimeMs: 600_000,
  });
  const tokenType = { pointer: undefined, default: 'O-Bearer' };
  t.is(read('text', 'a', { parts: { tokenType } }).tokenType, 'O-Bearer');
});

test('a text is the token whatever its server calls it', (t) => {
  for (const type of ['text/html', 'Text/HTML; charset=utf-8', 'application/json', 'application/xml', 'nonsense', ''])
    t.is(read('text', 'abc\n', { type }).accessToken, 'abc', type);
});

const SECRET = 'SECRET';

const NONE: readonly (readonly [format: TokenFormat, what: string, body: string | Uint8Array, type?: string])[] = [
  ['form', 'nothing', ''],
  ['form', 'blanks', ' \n'],
  ['form', 'JSON', `{"access_token":"${SECRET}"}`],
  ['form', 'an empty token', `access_token=&x=${SECRET}`],
  ['form', 'a blank token', 'access_token=+%20'],
  ['form', 'a token with a line break', `access_token=${SECRET}%0d%0aX:y`],
  ['form', 'a token outside ASCII', `access_token=${SECRET}%C3%A9`],
  ['form', 'a token that is no UTF-8 once decoded', `access_token=${SECRET}%ff`],
  ['form', 'bytes that are no UTF-8', Buffer.from(`access_token=${SECRET}\xff`, 'latin1')],
  ['form', 'a page with links', `<a href="/?x=1&access_token=${SECRET}&y">x</a>`],
  ['text', 'nothing', ''],
  ['text', 'blanks', ' \r\n\t'],
  ['text', 'a page', `<!doctype html>${SECRET}`],
  ['text', 'a page behind blanks', `\n\n  <html>${SECRET}`],
  ['text', 'XML', `<?xml version="1.0"?><e>${SECRET}</e>`],
  ['text', 'a page that is called one', `<p>${SECRET}`, 'text/html'],
  ['text', 'two lines that are called a page', `${SECRET}\nX: y`, 'text/html'],
  ['text', 'JSON with an error', `{"code":"${SECRET}"}`],
  ['text', 'two lines', `${SECRET}\nX: y`],
  ['text', 'bytes that are no UTF-8', Buffer.from(`${SECRET}\xff`, 'latin1')],
  ['text', 'a token outside ASCII', `${SECRET}é`],
];

for (const [format, what, body, type] of NONE) {
  test(`format ${format}: an answer with ${what} has no token, and is not quoted`, (t) => {
    const error = t.throws(() => read(format, body, { ...(type !== undefined && { type }) }), {
      instanceOf: TokenFailure,
    });
    t.is(error.failure, 'bad_answer');
    t.regex(error.detail, /^id\.example answered without a token/);
    t.notRegex(`${error.message}${error.stack}${String(error.cause)}`, /SECRET/);
  });
}

for (const [said, fallback, expected] of [
  ['bearer', 'Bearer', 'Bearer'],
  ['BEARER', 'Bearer', 'Bearer'],
  ['o-bearer', 'O-Bearer', 'O-Bearer'],
  ['O-BEARER', 'O-Bearer', 'O-Bearer'],
  ['bearer', 'O-Bearer', 'bearer'],
  ['MAC', 'Bearer', 'MAC'],
  ['bearer ', 'Bearer', 'bearer '],
  ['bearer', undefined, 'bearer'],
] as const) {
  test(`the type ${JSON.stringify(said)} is sent as ${expected} where the default is ${fallback ?? 'not given'}`, (t) => {
    const parts = { tokenType: { pointer: '/token_type', default: fallback } };
    const fields = { access_token: 'a', token_type: said };
    t.is(read('json', JSON.stringify(fields), { parts }).tokenType, expected);
    t.is(read('form', String(new URLSearchParams(fields)), { parts }).tokenType, expected);
  });
}

const MAPPED = {
  pointer: '/code',
  known: { INVALID_CLIENT: 'invalid_client', NO_SCOPE: 'invalid_scope', E7: 'E7', 1007: '1007' },
};

const CODES: readonly (readonly [format: TokenFormat, body: string, says: string])[] = [
  ['json', '{"code":"INVALID_CLIENT"}', 'refused the credentials: invalid_client (status 400)'],
  ['json', '{"code":"NO_SCOPE"}', 'refused the call: invalid_scope (status 400)'],
  ['json', '{"code":"E7"}', 'refused the call: E7 (status 400)'],
  ['json', '{"code":1007}', 'refused the call: 1007 (status 400)'],
  ['json', '{"code":"unknown","error":"invalid_grant"}', 'refused the call: invalid_grant (status 400)'],
  ['json', '{"code":"E7","error":"invalid_grant"}', 'refused the call: E7 (status 400)'],
  ['json', '{"error":"INVALID_CLIENT"}', 'refused the credentials: invalid_client (status 400)'],
  ['json', '{"code":"invalid_client"}', 'refused the credentials: invalid_client (status 400)'],
  ['json', '{"code":"SECRET","error":"SECRET"}', 'refused the call (status 400)'],
  ['json', '{"code":"toString"}', 'refused the call (status 400)'],
  ['json', '{"code":{"INVALID_CLIENT":1}}', 'refused the call (status 400)'],
  ['json', 'code=INVALID_CLIENT', 'refused the call (status 400)'],
  ['form', 'code=INVALID_CLIENT&x=SECRET', 'refused the credentials: invalid_client (status 400)'],
  ['form', 'error=invalid_scope\n', 'refused the call: invalid_scope (status 400)'],
  ['form', 'error=invalid_scope&error=invalid_client', 'refused the call (status 400)'],
  ['form', '{"error":"invalid_client"}', 'refused the credentials: invalid_client (status 400)'],
  ['text', '{"error":"invalid_client"}', 'refused the credentials: invalid_client (status 400)'],
  ['text', 'invalid_client', 'refused the call (status 400)'],
];

for (const [format, body, says] of CODES) {
  test(`format ${format}: ${body} with 400 ${says}`, (t) => {
    const error = t.throws(() => read(format, body, { parts: { error: MAPPED }, status: 400 }), {
      instanceOf: TokenFailure,
    });
    t.is(error.detail, `id.example ${says}`);
    t.is(error.failure, 'refused');
  });
}

test('a 200 without a token tells its known error code, in any format', (t) => {
  const parts = { error: MAPPED };
  for (const [format, body] of [
    ['json', '{"code":"INVALID_CLIENT"}'],
    ['form', 'error=INVALID_CLIENT'],
    ['text', '{"error":"invalid_client"}'],
  ] as const) {
    t.throws(() => read(format, body, { parts }), { message: 'id.example answered without a token: invalid_client' });
  }
});
