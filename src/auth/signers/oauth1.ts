import { hash } from 'node:crypto';
import { OAUTH1_METHODS, SIGNER_HEADERS, type SignerParameters } from '../../config/profile/signers.ts';
import { type ByteString, percentEncode, toBytes, fromBytes, toUnicode } from '../../core/byte-string.ts';
import { OutriderError } from '../../core/errors.ts';
import { headerValues, type RawHeaders } from '../../core/headers.ts';
import { ALGORITHMS } from '../../keys/algorithms.ts';
import { checkBody } from '../body.ts';
import { readFields } from '../fields.ts';
import { compileKey } from '../key.ts';
import { readMediaType } from '../media-type.ts';
import { quoted } from './quoted.ts';
import type { SignedRequest, Signer } from './signer.ts';

/** OAuth 1.0 (RFC 5849), in the Authorization header, with the extension for the hash of a body (oauth_body_hash). */

/** A name and a value, decoded. */
export type Parameter = readonly [name: ByteString, value: ByteString];

/** Compiles `signer: oauth1`. */
export const oauth1: Signer<SignerParameters<'oauth1'>> = (parameters, compile) => {
  const { signatureMethod: method, bodyHash: hasBodyHash } = parameters;
  const consumerKey = compile(parameters.consumerKey);
  const token = compile(parameters.token ?? '');
  const realm = compile(parameters.realm ?? '');
  const consumerSecret = compile(parameters.consumerSecret ?? '');
  const tokenSecret = compile(parameters.tokenSecret ?? '');
  const algorithm = ALGORITHMS[OAUTH1_METHODS[method]];
  const privateKey = parameters.key === undefined ? undefined : compileKey(parameters.key, algorithm.key, compile);
  const digest = method.endsWith('SHA256') ? 'sha256' : 'sha1';
  return {
    algorithm: method,
    header: SIGNER_HEADERS.oauth1,
    key: privateKey?.template ?? consumerSecret,
    parameters: [consumerKey, token, realm, consumerSecret, tokenSecret, ...(privateKey ? [privateKey.template] : [])],
    needsBody: (headers) => hasBodyHash || isForm(headers),
    compose(request, show) {
      const accessToken = show(token);
      const hasForm = isForm(request.headers);
      const own: readonly Parameter[] = [
        ['oauth_consumer_key', show(consumerKey)],
        ...(accessToken === '' ? [] : [['oauth_token', accessToken] as const]),
        ['oauth_signature_method', method],
        ['oauth_timestamp', String(Math.floor(request.nowMs / 1000))],
        ['oauth_nonce', request.nonce.replaceAll('-', '')],
        ['oauth_version', '1.0'],
        // A form is covered field by field, and must have no hash besides.
        ...(hasBodyHash && !hasForm ? [['oauth_body_hash', hash(digest, request.body, 'base64')] as const] : []),
      ];
      const sent = sentParameters(request, hasForm);
      checkNames(sent, own);
      const text = baseString(request, [...sent, ...own]);
      const name = show(realm);
      return {
        text,
        covers: [
          'method',
          'URL',
          'query',
          ...(hasForm ? ['form'] : hasBodyHash ? ['body'] : []),
          ...own.map(([one]) => one),
        ],
        headers: [],
        drops: [],
        sign(keyOf) {
          const shared = (): Buffer =>
            toBytes(`${percentEncode(show(consumerSecret))}&${percentEncode(show(tokenSecret))}`);
          return algorithm.sign(privateKey ? keyOf(privateKey) : shared(), toBytes(text)).toString('base64');
        },
        carry: (signature) =>
          `OAuth ${[
            ...(name === '' ? [] : [`realm=${quoted(name)}`]),
            ...[...own, ['oauth_signature', signature] as const].map(
              ([one, value]) => `${one}="${percentEncode(value)}"`,
            ),
          ].join(', ')}`,
      };
    },
  };
};

/** Whether the body is a form whose fields are signed (RFC 5849 §3.4.1.3.1). */
const isForm = (headers: RawHeaders): boolean =>
  headerValues(headers, 'content-type').some(
    (type) => readMediaType(type).essence === 'application/x-www-form-urlencoded',
  );

/** The parameters of the query and the form. Throws `bad_request` or `bad_body` for those that can't be read for certain. */
function sentParameters({ target, headers, body }: SignedRequest, hasForm: boolean): readonly Parameter[] {
  const mark = target.indexOf('?');
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (hasForm) checkBody('form', headers, body);
  const list = hasForm ? `${query}&${fromBytes(body)}` : query;
  if (/%(?![0-9A-Fa-f]{2})/.test(list)) {
    throw refuse('A parameter has a bad percent escape.', 'Write %25 for a percent sign.');
  }
  const found = [...readFields(list)].flatMap(([name, values]) => values.map((value) => [name, value] as const));
  if (found.flat().some((text) => toUnicode(text) === undefined)) {
    throw refuse('A parameter is not UTF-8, which OAuth 1.0 is signed in.', 'Send it in UTF-8, percent-encoded.');
  }
  return found;
}

/** Throws `bad_request` for a parameter of the caller's that would come twice (RFC 5849 §3.1). */
function checkNames(sent: readonly Parameter[], own: readonly Parameter[]): void {
  const ours = new Set([...own.map(([name]) => name), 'oauth_signature', 'oauth_body_hash']);
  const found = sent.find(([name]) => ours.has(name));
  if (!found) return;
  throw refuse(`The request is signed already: it holds the parameter ${found[0]}.`, 'Send it without a signature.');
}

/**
 * The signature base string (RFC 5849 §3.4.1).
 * @param parameters Those of the query, the form and the header, decoded, without the signature.
 */
export function baseString(
  { method, origin, target }: Pick<SignedRequest, 'method' | 'origin' | 'target'>,
  parameters: readonly Parameter[],
): ByteString {
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const normalized = parameters
    .map(([name, value]): Parameter => [percentEncode(name), percentEncode(value)])
    .toSorted((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const [path = ''] = target.split('?', 1);
  return [method.toUpperCase(), origin + path, normalized].map(percentEncode).join('&');
}

const refuse = (detail: string, remedy: string): OutriderError => new OutriderError('bad_request', { detail, remedy });
