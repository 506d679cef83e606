import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import aws4 from 'aws4';
import fc from 'fast-check';
import { OutriderError } from '../../../src/core/errors.ts';
import { awsSigV4, canonicalRequest, signedHeaders } from '../../../src/auth/signers/aws-sigv4.ts';
import { AT_MS, AWS_VECTORS, KEYS } from './aws-vectors.ts';
import { compile, lines, sign, signed } from './given.ts';

const ORIGIN = 'https://example.amazonaws.com';

function signerOf(
  parts: { service?: string; payload?: 'signed' | 'unsigned'; sessionToken?: string | undefined } = {},
) {
  const { service = 'service', payload = 'signed', sessionToken } = parts;
  return awsSigV4({ ...KEYS, region: 'us-east-1', service, payload, sessionToken }, compile);
}

const isOwn = (name: string): boolean => name === 'content-type' || name.startsWith('x-amz-');

for (const vector of AWS_VECTORS) {
  const { name, method = 'GET', target = '/', headers = '', body = '', sessionToken, signature } = vector;
  const { signedHeaders: names = 'host;x-amz-date' } = vector;
  const request = { method, target, headers: lines(headers), body, origin: ORIGIN, nowMs: AT_MS };
  // The other cases sign headers that we leave alone: what is made of them is compared below.
  if (lines(headers).every((one, i) => i % 2 === 1 || isOwn(one.toLowerCase()))) {
    test(`AWS's suite: ${name} is signed as published`, (t) => {
      const { added } = sign(signerOf({ sessionToken }), request);
      t.is(
        added['authorization'],
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
      );
      t.is(added['x-amz-date'], '20150830T123600Z');
    });
    continue;
  }
  test(`AWS's suite: ${name} has the canonical text whose signature is published`, (t) => {
    const found = signedHeaders(signed(request), [['x-amz-date', '20150830T123600Z']], () => true);
    t.is([...found.keys()].join(';'), names);
    const text = canonicalRequest(request, found, createHash('sha256').update(body).digest('hex'), false);
    t.is(signatureOf(text), signature);
  });
}

/** The signature over a canonical text, worked out beside the code under test. */
function signatureOf(canonical: string): string {
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text, 'latin1').digest();
  const scope = ['20150830', 'us-east-1', 'service', 'aws4_request'];
  const key = scope.reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${KEYS.secretAccessKey}`);
  const hash = createHash('sha256').update(canonical, 'latin1').digest('hex');
  return hmac(key as Buffer, `AWS4-HMAC-SHA256\n20150830T123600Z\n${scope.join('/')}\n${hash}`).toString('hex');
}

const letters = fc.string({
  unit: fc.constantFrom('a', 'B', '7', '%20', '%2F', '%e1%88%B4', '~', '-', ':', '!', '*', "'"),
  maxLength: 6,
});
const query = fc.array(
  fc.tuple(
    letters.map((text) => `k${text}`),
    letters,
  ),
  { maxLength: 4 },
);
const value = fc.string({ unit: fc.constantFrom('a', ' ', 'Z', '1', ';', ',', '"'), minLength: 1, maxLength: 8 });

test('property: for any path, query, header and body the signature is the one that aws4 makes', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom('execute-api', 'sqs', 's3'),
      fc.array(letters, { maxLength: 4 }),
      query,
      value,
      fc.string({ maxLength: 30 }),
      fc.boolean(),
      (service, segments, pairs, tag, body, hasToken) => {
        // aws4 takes the first of several values for S3 alone; AWS's own clients take all. So no name comes twice there.
        const fields =
          service === 's3'
            ? [...new Map(pairs.map(([name, text]) => [decodeURIComponent(name), [name, text]])).values()]
            : pairs;
        const target = `/${segments.join('/').replace(/^\/+/, '')}${fields.length > 0 ? `?${fields.map((pair) => pair.join('=')).join('&')}` : ''}`;
        const sessionToken = hasToken ? 'session+token/==' : undefined;
        const headers = { 'Content-Type': 'text/plain', 'X-Amz-Meta-Tag': tag };
        const { added } = sign(signerOf({ service, sessionToken }), {
          method: 'PUT',
          origin: 'https://host.example:8443',
          target,
          headers: Object.entries(headers).flat(),
          body,
          nowMs: AT_MS,
        });
        const expected = aws4.sign(
          {
            method: 'PUT',
            host: 'host.example:8443',
            path: target,
            service,
            region: 'us-east-1',
            body,
            headers: { ...headers, Host: 'host.example:8443', 'X-Amz-Date': '20150830T123600Z' },
            extraHeadersToIgnore: { 'content-length': true },
          } as aws4.Request,
          { ...KEYS, ...(sessionToken !== undefined && { sessionToken }) },
        );
        t.is(added['authorization'], expected.headers?.['Authorization'] as string);
      },
    ),
    { numRuns: 300 },
  );
});

const signs = (parts: Parameters<typeof sign>[1], options?: Parameters<typeof signerOf>[0]) =>
  sign(signerOf(options), { origin: ORIGIN, nowMs: AT_MS, ...parts });

test('Host, Content-Type and x-amz-* are signed, and nothing that a proxy on the way changes', (t) => {
  const headers = lines(
    'Via:1.1 a\nUser-Agent:x\nAccept:*/*\ncontent-type:text/plain\nX-Amz-Target:A.B\nX-Amzn-Trace-Id:1',
  );
  t.deepEqual(signs({ headers }).covers, [
    'method',
    'path',
    'query',
    'content-type',
    'host',
    'x-amz-date',
    'x-amz-target',
    'body',
  ]);
});

test("the caller's own date, hash and session token are neither signed nor sent", (t) => {
  const headers = lines('X-Amz-Date:20200101T000000Z\nX-Amz-Security-Token:old\nX-Amz-Content-Sha256:UNSIGNED-PAYLOAD');
  const { text, drops, added } = signs({ headers, body: 'b' });
  t.false(text.includes('old') || text.includes('20200101') || text.includes('UNSIGNED'));
  t.deepEqual(drops, ['x-amz-security-token']);
  t.is(added['x-amz-content-sha256'], createHash('sha256').update('b').digest('hex'));
});

test('S3 gets the hash of the body as a header, and others do not', (t) => {
  t.is(signs({}, { service: 's3' }).added['x-amz-content-sha256'], createHash('sha256').digest('hex'));
  t.is(signs({}).added['x-amz-content-sha256'], undefined);
});

test('an unsigned payload says so, and the body is not asked for', (t) => {
  const unsigned = { service: 's3', payload: 'unsigned' } as const;
  t.false(signerOf(unsigned).needsBody([]));
  t.true(signerOf().needsBody([]));
  const { added, covers } = signs({}, unsigned);
  t.is(added['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  t.false(covers.includes('body'));
});

test('a key of S3 is signed as it is decoded, and a path of another service as it is sent', (t) => {
  const pathOf = (service: string, target: string): string | undefined =>
    signs({ target }, { service }).text.split('\n')[1];
  t.is(pathOf('s3', '/a%20b/c:d//e%2Bf'), '/a%20b/c%3Ad//e%2Bf');
  t.is(pathOf('execute-api', '/a%20b/c:d//e+f'), '/a%2520b/c%3Ad/e%2Bf');
});

for (const [what, target, service] of [
  ['a bare + in the query', '/?q=a+b', 'sqs'],
  ['an empty parameter', '/?a=1&&b=2', 'sqs'],
  ['a bad escape in the query', '/?a=%zz', 'sqs'],
  ['a presigned URL', '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0', 'sqs'],
  ['a bare + in a key of S3', '/a+b', 's3'],
] as const) {
  test(`${what} is refused: nobody can say for certain what AWS reads`, (t) => {
    const error = t.throws(() => signs({ target }, { service }), { instanceOf: OutriderError });
    t.is(error.code, 'bad_request');
    t.not(error.remedy, '');
  });
}

test('a body in chunks that the caller signed is refused, and one without signatures passes when the payload is unsigned', (t) => {
  const chunked = (marker: string) => lines(`Content-Encoding:aws-chunked\nX-Amz-Content-Sha256:${marker}`);
  const unsigned = { service: 's3', payload: 'unsigned' } as const;
  const signedChunks = chunked('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  const plainChunks = chunked('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
  for (const [headers, options] of [
    [signedChunks, unsigned],
    [signedChunks, { service: 's3' }],
    [plainChunks, { service: 's3' }],
    [lines('Content-Encoding:aws-chunked'), unsigned],
  ] as const) {
    t.is(t.throws(() => signs({ headers }, options), { instanceOf: OutriderError }).code, 'bad_body');
  }
  t.is(signs({ headers: plainChunks }, unsigned).added['x-amz-content-sha256'], 'STREAMING-UNSIGNED-PAYLOAD-TRAILER');
});
