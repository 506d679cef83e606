import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { parse } from './helpers.ts';

/** What is said of a profile with these credentials and this entry of `sign`: code, place and message of each problem. */
function said(
  entry: string,
  credentials = '{ id: {}, secret: { secret: true } }',
  given = '{ id: i, secret: a secret text }',
): string[] {
  const text = `profiles: { mine: { credentials: ${credentials}, sign: [${entry}] } }
providers: { p: { profile: mine, credentials: ${given} } }
routes: [{ match: { path: /p }, provider: p, upstream: "https://api.example" }]`;
  return parse(text).diagnostics.map(({ code, path, message, help }) => {
    if (help === '') throw new Error(`nothing helps against ${code}`);
    return `${code} ${path.replace('profiles.mine.sign', '')}: ${message}`;
  });
}

const AWS =
  'signer: aws-sigv4, region: r, service: s, access_key_id: "{{credentials.id}}", secret_access_key: "{{credentials.secret}}"';
const MESSAGE = 'signer: http-message-signature, key: "{{credentials.secret}}", algorithm: hmac-sha256';
const OAUTH = 'signer: oauth1, consumer_key: "{{credentials.id}}"';

test('the three signers are fine with their parameters', (t) => {
  t.deepEqual(said(`{ ${AWS}, session_token: "{{credentials.id}}", payload: unsigned }`), []);
  t.deepEqual(
    said(
      `{ ${MESSAGE}, components: ["@method", X-Tag, '"@query-param";name="a%20b"'], key_id: k, label: a_1, expires: 5m, tag: t }`,
    ),
    [],
  );
  t.deepEqual(
    said(`{ ${OAUTH}, consumer_secret: "{{credentials.secret}}", signature_method: HMAC-SHA256, body_hash: true }`),
    [],
  );
});

test('signatures in one place are fine for different requests, and in different places for the same', (t) => {
  const text = (place: string, more = ''): string => `{ text: x, algorithm: sha256, set: ${place}${more} }`;
  t.deepEqual(said(`${text('{ header: x-a }')}, ${text('{ header: x-a }', ', when: { methods: [POST] }')}`), []);
  t.deepEqual(said(`${text('{ header: x-a }')}, ${text('{ query: x-a }')}, ${text('{ header: x-b }')}`), []);
  const nested = text('{ header: X-A }').replace('text: x', 'text: "{{request.headers.x-a}}"');
  t.deepEqual(said(`${text('{ header: x-a }')}, ${nested}`), [], 'the second signs the first');
  t.deepEqual(said(`${text('{ header: x-a }', ', body: { wrap: base64, field: f }')}, ${text('{ header: x-a }')}`), []);
});

for (const [entry, ...problems] of [
  [
    '{ signer: aws-sigv5 }',
    'invalid_value [0].signer: "aws-sigv5" is not one of aws-sigv4, http-message-signature, oauth1',
  ],
  [
    '{ signer: aws-sigv4 }',
    ...['region', 'service', 'access_key_id', 'secret_access_key'].map(
      (key) => `missing_key [0].${key}: "${key}" is missing, a text or template`,
    ),
  ],
  [`{ ${AWS}, text: x }`, 'unknown_key [0].text: no key is called "text" here'],
  [`{ ${AWS}, payload: streamed }`, 'invalid_value [0].payload: "streamed" is not one of signed, unsigned'],
  [
    `{ ${AWS}, session_token: "{{credentials.token}}" }`,
    'unknown_template_name [0].session_token: the profile has nothing called "credentials.token"',
  ],
  [`{ ${AWS}, refuse: no }`, 'unknown_key [0].refuse: no key is called "refuse" here'],
  [`{ ${MESSAGE} }`, 'missing_key [0].components: the signature would cover nothing'],
  [
    `{ ${MESSAGE}, components: ["@status"] }`,
    'invalid_value [0].components[0]: "@status" is not a component of a request',
  ],
  [
    `{ ${MESSAGE}, components: [via] }`,
    'invalid_value [0].components[0]: "via" belongs to the connection, and changes on the way',
  ],
  [`{ ${MESSAGE}, components: [host] }`, 'invalid_value [0].components[0]: "host" is covered under another name'],
  [
    `{ ${MESSAGE}, components: [Signature] }`,
    'invalid_value [0].components[0]: "Signature" is written by the signer itself',
  ],
  [
    `{ ${MESSAGE}, components: ["@method;req"] }`,
    'invalid_value [0].components[0]: "@method;req" has a parameter that is not known here',
  ],
  [
    `{ ${MESSAGE}, components: ["x-a;sf"] }`,
    'invalid_value [0].components[0]: "x-a;sf" has a parameter that is not known here',
  ],
  [
    `{ ${MESSAGE}, components: ["@query-param"] }`,
    'invalid_value [0].components[0]: "@query-param" says no parameter of the query',
  ],
  [`{ ${MESSAGE}, components: [x-a, "@method", X-A] }`, 'invalid_value [0].components[2]: "X-A" is covered twice'],
  [`{ ${MESSAGE}, components: [date], label: Sig }`, 'invalid_value [0].label: "Sig" is not a label'],
  [
    `{ ${MESSAGE.replace('hmac-sha256', 'hmac-sha512')}, components: [date] }`,
    'invalid_value [0].algorithm: "hmac-sha512" is not one of rsa-pss-sha512, rsa-v1_5-sha256, hmac-sha256, ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519',
  ],
  [
    `{ ${MESSAGE.replace('hmac-sha256', 'ed25519')}, components: [date] }`,
    'invalid_value [0].key: ed25519 takes an Ed25519 key: a credential with `format: pem`',
  ],
  [
    `{ ${MESSAGE.replace(', algorithm: hmac-sha256', '')}, components: [date] }`,
    'invalid_value [0].key: without `algorithm` the key decides, and a text does not say what it is',
  ],
  [`{ ${OAUTH} }`, 'missing_key [0].consumer_secret: HMAC-SHA1 needs `consumer_secret`'],
  [`{ ${OAUTH}, signature_method: RSA-SHA1 }`, 'missing_key [0].key: RSA-SHA1 needs `key`'],
  [
    `{ ${OAUTH}, signature_method: PLAINTEXT }`,
    'invalid_value [0].signature_method: "PLAINTEXT" is not one of HMAC-SHA1, RSA-SHA1, HMAC-SHA256, RSA-SHA256',
  ],
  [
    `{ ${OAUTH}, consumer_secret: "{{credentials.secret}}", key: "{{credentials.secret}}" }`,
    'invalid_value [0].key: HMAC-SHA1 makes no use of `key`',
  ],
  [
    `{ ${OAUTH}, signature_method: RSA-SHA256, key: "{{credentials.secret}}" }`,
    'invalid_value [0].key: RSA-SHA256 takes an RSA key: a credential with `format: pem`',
  ],
  [
    `{ ${AWS} }, { text: x, algorithm: sha256, set: { header: x-late } }`,
    'invalid_value [1]: this signature is put in behind what a signer has signed',
  ],
  [
    `{ ${MESSAGE}, components: [date] }, { ${MESSAGE}, components: ["@method"], label: other }`,
    'invalid_value [1]: this signature takes the place of one before it',
  ],
  [
    '{ text: x, algorithm: sha256, set: { header: X-Sign }, when: { methods: [GET] } }, { text: y, algorithm: sha256, set: { header: x-sign } }',
    'invalid_value [1]: this signature takes the place of one before it',
  ],
  ...[
    `{ ${AWS} }, { ${OAUTH}, consumer_secret: "{{credentials.secret}}" }`,
    `{ text: x, algorithm: sha256, set: { header: Authorization } }, { ${AWS} }`,
    `{ text: x, algorithm: sha256, set: { header: signature } }, { ${MESSAGE}, components: [date] }`,
  ].map((both) => [both, 'invalid_value [1]: this signature takes the place of one before it'] as const),
] as const) {
  test(`an entry that can't sign is told at its place: ${entry}`, (t) => {
    t.deepEqual(said(entry), problems);
  });
}

const pem = (key: { export(options: object): string | Buffer }): string =>
  JSON.stringify(key.export({ type: 'pkcs8', format: 'pem' }));
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const P521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
const KEYED = '{ id: {}, key: { secret: true, format: pem } }';

for (const [entry, key, message] of [
  [
    'signer: http-message-signature, components: [date], algorithm: ed25519',
    RSA,
    'the credential "key" is an RSA key of 2048 bits, and ed25519 takes an Ed25519 key',
  ],
  [
    'signer: http-message-signature, components: [date]',
    P521,
    'the credential "key" is an EC key on P-521, and http-message-signature has no algorithm for it',
  ],
  [
    'signer: oauth1, consumer_key: c, signature_method: RSA-SHA256',
    P521,
    'the credential "key" is an EC key on P-521, and RSA-SHA256 takes an RSA key',
  ],
] as const) {
  test(`a key that its signer can't use is an error when the file is loaded: ${message}`, (t) => {
    const found = said(`{ ${entry}, key: "{{credentials.key}}" }`, KEYED, `{ id: i, key: ${pem(key)} }`);
    t.deepEqual(found, [`bad_key providers.p.credentials.key: ${message}`]);
  });
}

test('a private key is not signed away as a text', (t) => {
  const entry = AWS.replace('credentials.secret', 'credentials.key');
  t.deepEqual(said(`{ ${entry} }`, KEYED, `{ id: i, key: ${pem(RSA)} }`), [
    'unknown_template_name [0].secret_access_key: "credentials.key" is a private key, and would be sent',
  ]);
});

test('what a signer writes into a header must fit there', (t) => {
  const credentials = '{ id: {}, secret: { secret: true } }';
  const found = said(`{ ${AWS} }`, credentials, '{ id: "a\\nb", secret: s }');
  t.true(
    found.some((one) =>
      one.startsWith('invalid_value providers.p.credentials.id: the credential "id" goes into a header'),
    ),
    found.join('\n'),
  );
  const other = said(
    `{ ${MESSAGE}, components: [date], key_id: "{{credentials.id}}" }`,
    credentials,
    '{ id: "clé", secret: s }',
  );
  t.deepEqual(other, [
    'invalid_value providers.p.credentials.id: the credential "id" goes into a signature that is ASCII alone, and holds other characters',
  ]);
});
