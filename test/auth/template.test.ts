import { createHash } from 'node:crypto';
import test from 'ava';
import { RequestDraft } from '../../src/auth/draft.ts';
import { Scope } from '../../src/auth/scope.ts';
import { createCompiler, isStable, type TemplateContext } from '../../src/auth/template.ts';
import { fromUnicode, toUnicode } from '../../src/core/byte-string.ts';
import { outbound } from './helpers.ts';

const context: TemplateContext = {
  endpoints: { token: 'https://id.example/token' },
  scope: 'a b',
  values: {
    pair: '{{credentials.id}}:{{credentials.secret}}',
    basic: 'Basic {{values.pair | base64}}',
    nonce: '{{uuid}}',
  },
  secretNames: new Set(['credentials.secret', 'token.access_token', 'request.headers.x-grant']),
};

const compile = createCompiler(context);

const scopeOf = (request: Parameters<typeof outbound>[0] = {}): Scope =>
  new Scope({
    credentials: new Map([
      ['id', 'me'],
      ['secret', fromUnicode('pässword')],
    ]),
    token: { accessToken: 'T', tokenType: 'O-Bearer', refreshToken: undefined },
    subject: 'S',
    request: new RequestDraft({ ...outbound(request), origin: '', pathBelow: (path) => path.replace(/^\/base/, '') }),
    now: () => 1_700_000_000_123,
  });

const render = (text: string, request?: Parameters<typeof outbound>[0]): string | undefined =>
  toUnicode(compile(text).render(scopeOf(request)));

test('names stand for what they name', (t) => {
  t.is(render('{{credentials.id}} {{credentials.secret}} {{credentials.none}}|'), 'me pässword |');
  t.is(render('{{token.token_type}} {{token.access_token}}{{token.refresh_token}} {{token.subject}}'), 'O-Bearer T S');
  t.is(render('{{endpoints.token}} {{scope}}'), 'https://id.example/token a b');
  t.is(
    render('{{now.s}} {{now.ms}} {{now.http_date}} {{now.iso}}'),
    '1700000000 1700000000123 Tue, 14 Nov 2023 22:13:20 GMT 2023-11-14T22:13:20.123Z',
  );
  t.is(render('plain ₹ text'), 'plain ₹ text');
  t.is(render(''), '');
});

test('a time is shown in each form, and later or earlier', (t) => {
  t.is(render('{{now.compact}} {{now.date}} {{now.digits}}'), '20231114T221320Z 20231114 20231114221320');
  t.is(render('{{now.s + 300}} {{now.s - 1m}} {{now.ms + 1}}'), '1700000300 1699999940 1700000000124');
  t.is(render('{{now.digits + 3h}} {{now.date + 3h}}'), '20231115011320 20231115');
  t.is(render('{{now.iso + 330m}} {{now.iso - 9h}}'), '2023-11-15T03:43:20.123+05:30 2023-11-14T13:13:20.123-09:00');
  t.is(render('{{now.iso + 0m}}'), '2023-11-14T22:13:20.123Z');
});

test('the request is seen byte for byte', (t) => {
  const request = {
    method: 'PUT',
    target: '/base/a%2Fb//c?x=1&x=%7e&',
    headers: ['X-Id', 'one', 'Content-Type', 'application/json'],
    body: '{"a":{"b":1.10}}',
  };
  t.is(
    render('{{request.method}} {{request.path}} {{request.query}} {{request.target}}', request),
    'PUT /a%2Fb//c x=1&x=%7e& /a%2Fb//c?x=1&x=%7e&',
  );
  t.is(render('{{request.headers.X-ID}}{{request.headers.absent}}', request), 'one');
  t.is(render('{{request.body}} {{request.json.a.b}}', request), '{"a":{"b":1.10}} 1.10');
  t.is(render('{{request.form.b}}{{request.form.none}}', { body: 'a=1&b=2+%E2%82%B9', method: 'POST' }), '2 ₹');
  t.is(render('{{request.target}}', { target: '/base?' }), '?');
});

test('filters run from left to right, over bytes', (t) => {
  const digest = (algorithm: string): Buffer => createHash(algorithm).update('pässword').digest();
  t.is(render('{{credentials.secret | base64}}'), Buffer.from('pässword').toString('base64'));
  t.is(render('{{credentials.secret | sha256 | hex}}'), digest('sha256').toString('hex'));
  t.is(render('{{credentials.secret | sha512 | base64}}'), digest('sha512').toString('base64'));
  t.is(render('{{credentials.secret | sha256 | base64url}}'), digest('sha256').toString('base64url'));
  t.is(
    render('{{credentials.secret | sha256 | sha256 | hex | upper}}'),
    createHash('sha256').update(digest('sha256')).digest('hex').toUpperCase(),
  );
  t.is(render('{{credentials.secret | upper}} {{token.token_type | lower}}'), 'PÄSSWORD o-bearer');
  t.is(render('{{credentials.secret | urlencode}}'), 'p%C3%A4ssword');
  t.is(render('{{credentials.secret | json}}'), '"pässword"');
  t.is(render('{{endpoints.token | urlencode}}'), encodeURIComponent('https://id.example/token'));
});

test('a raw digest in a text is its bytes', (t) => {
  const bytes = compile('{{credentials.id | sha256}}').render(scopeOf());
  t.deepEqual(Buffer.from(bytes, 'latin1'), createHash('sha256').update('me').digest());
});

test('values build on each other, and are computed once per attempt', (t) => {
  t.is(render('{{values.basic}}'), `Basic ${Buffer.from('me:pässword').toString('base64')}`);
  const scope = scopeOf();
  const [first, again] = [compile('{{values.nonce}}|{{uuid}}'), compile('{{values.nonce}}|{{uuid}}')];
  t.is(first.render(scope), again.render(scope));
  t.not(first.render(scope), first.render(scopeOf()));
});

test('a value that needs itself is refused', (t) => {
  const looping = createCompiler({ ...context, values: { a: '{{values.b}}', b: '{{values.a}}' } });
  t.throws(() => looping('{{values.a}}'));
  t.throws(() => compile('{{values.toString}}'));
});

test('masked, secrets are names in angle brackets, and a filtered one shows what was done', (t) => {
  const mask = (text: string): unknown => compile(text).mask(scopeOf({ headers: ['X-Grant', 'GRT'] }));
  t.deepEqual(mask('{{credentials.id}}:{{credentials.secret}}'), { text: 'me:<secret>', isSecret: true });
  t.deepEqual(mask('{{token.token_type}} {{token.access_token}}'), { text: 'O-Bearer <access_token>', isSecret: true });
  t.deepEqual(mask('{{values.basic}}'), { text: 'Basic base64(me:<secret>)', isSecret: true });
  t.deepEqual(mask('{{credentials.id | base64}}'), { text: 'bWU=', isSecret: false });
  t.deepEqual(mask('{{request.headers.X-Grant}}'), { text: '<x-grant>', isSecret: true });
});

test('what changes from request to request is known when the template is compiled', (t) => {
  t.true(isStable(compile('{{token.access_token}} {{values.basic}} {{endpoints.token}} {{scope}}')));
  for (const name of ['request.method', 'request.headers.a', 'now.s', 'uuid', 'signature', 'values.nonce']) {
    t.false(isStable(compile(`{{${name}}}`)), name);
  }
});
