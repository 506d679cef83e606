import { createHash, createHmac, createVerify, type KeyObject, timingSafeEqual } from 'node:crypto';
import aws4 from 'aws4';
import { createVerifier, httpbis } from 'http-message-signatures';
import type { Received } from './strict.ts';

/**
 * What the other side does with a request that a signer has signed, by code that is not the product's: aws4,
 * http-message-signatures, and a few lines for OAuth 1.0. Each check yields what is wrong, or undefined.
 */

type Verdict = string | undefined;

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const hash = (algorithm: string, body: Buffer, encoding: 'hex' | 'base64' = 'hex'): string =>
  createHash(algorithm).update(body).digest(encoding);

/** Signature Version 4. `takesUnsigned`: a body that is not signed will do. */
export function checkAws(
  { method, target, header, body }: Received,
  keys: AwsKeys,
  scope: { readonly region: string; readonly service: string; readonly takesUnsigned?: boolean },
): Verdict {
  const authorization = header('authorization') ?? '';
  const [, id, names = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/.*, SignedHeaders=([^,]+), /.exec(authorization) ?? [];
  if (id !== keys.accessKeyId) return `the access key is ${id}`;
  const signed = names.split(';');
  const missing = ['host', 'x-amz-date', ...(header('content-type') === undefined ? [] : ['content-type'])].find(
    (name) => !signed.includes(name),
  );
  if (missing !== undefined) return `${missing} is not signed`;
  if (signed.includes('via')) return 'via is signed';
  if (header('x-amz-security-token') !== keys.sessionToken) return 'the session token is another one';
  const shown = header('x-amz-content-sha256');
  const isUnsigned = shown === 'UNSIGNED-PAYLOAD' && scope.takesUnsigned === true;
  if (shown !== undefined && !isUnsigned && shown !== hash('sha256', body))
    return 'the hash of the body is another one';
  if (scope.service === 's3' && shown === undefined) return 'S3 wants the hash of the body';
  const headers = Object.fromEntries(signed.map((name) => [name, header(name) ?? '']));
  const expected = aws4.sign(
    {
      method,
      path: target,
      headers,
      body: body.length === 0 ? undefined : body,
      ...scope,
      // It puts in a Content-Type of its own.
      extraHeadersToIgnore: {
        'content-length': true,
        ...(!signed.includes('content-type') && { 'content-type': true }),
      },
    } as never,
    keys,
  );
  const made = (expected.headers as Record<string, string>)['Authorization'];
  return made === authorization ? undefined : `Authorization is ${authorization}, not ${made}`;
}

/** RFC 9421 and RFC 9530, for a request that came over http. */
export async function checkMessageSignature(
  { method, target, header, body }: Received,
  { key, algorithm, id, covered }: { key: KeyObject; algorithm: string; id: string; covered: readonly string[] },
): Promise<Verdict> {
  const input = header('signature-input') ?? '';
  const missing = covered.find((name) => !input.includes(`"${name}"`));
  if (missing !== undefined) return `${missing} is not covered: ${input}`;
  if (!/;created=\d+/.test(input)) return `it is not said when it was signed: ${input}`;
  const digest = header('content-digest');
  const expected = `sha-256=:${hash('sha256', body, 'base64')}:`;
  if (digest !== undefined && digest !== expected) return `Content-Digest is ${digest}`;
  const names = [...input.matchAll(/"([a-z][a-z0-9-]*)"/g)].map(([, name = '']) => name);
  const headers = Object.fromEntries(
    ['signature', 'signature-input', ...names].map((name) => [name, header(name) ?? '']),
  );
  const verifying = { id, algs: [algorithm], verify: createVerifier(key, algorithm as never) };
  try {
    const isRight = await httpbis.verifyMessage(
      // The other side sees a clock that may be a test's: freshness is judged by who calls this.
      {
        keyLookup: ({ keyid }) => Promise.resolve(keyid === id ? (verifying as never) : null),
        notAfter: new Date(8.64e15),
      },
      { method, url: `http://${header('host')}${target}`, headers },
    );
    return isRight === true ? undefined : 'the signature is wrong';
  } catch (error) {
    return String(error);
  }
}

const escape = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** RFC 5849, for a request that came over http. `secret` is the consumer's and the token's, joined by `&`, or a public key. */
export function checkOAuth1({ method, target, header, body }: Received, secret: string | KeyObject): Verdict {
  const authorization = header('authorization') ?? '';
  if (!authorization.startsWith('OAuth ')) return `Authorization is ${authorization}`;
  const own = [...authorization.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, decodeURIComponent(value)] as const,
  );
  const given = Object.fromEntries(own) as Record<string, string>;
  const [path = '', query = ''] = target.split('?');
  const isForm = /^application\/x-www-form-urlencoded/i.test(header('content-type') ?? '');
  const fields = new URLSearchParams([query, ...(isForm ? [body.toString('latin1')] : [])].join('&'));
  const signed = [...fields, ...own.filter(([name]) => name !== 'realm' && name !== 'oauth_signature')];
  const list = signed
    .map((pair) => pair.map(escape))
    .toSorted(([a = '', x = ''], [b = '', y = '']) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1));
  const url = `http://${header('host')}${path}`;
  const base = [method, url, list.map((pair) => pair.join('=')).join('&')].map(escape).join('&');
  const algorithm = given['oauth_signature_method']?.endsWith('SHA256') ? 'sha256' : 'sha1';
  const bodyHash = given['oauth_body_hash'];
  if (bodyHash !== undefined && (isForm || bodyHash !== hash(algorithm, body, 'base64')))
    return 'the hash of the body is wrong';
  const signature = Buffer.from(given['oauth_signature'] ?? '', 'base64');
  if (typeof secret !== 'string')
    return createVerify(algorithm).update(base).verify(secret, signature) ? undefined : `wrong for ${base}`;
  const expected = createHmac(algorithm, secret).update(base).digest();
  const isRight = expected.length === signature.length && timingSafeEqual(expected, signature);
  return isRight ? undefined : `wrong for ${base}`;
}
