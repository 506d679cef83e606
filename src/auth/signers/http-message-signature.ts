import { hash, KeyObject } from 'node:crypto';
import type { MessageComponent } from '../../config/profile/components.ts';
import {
  MESSAGE_ALGORITHMS,
  messageAlgorithmOf,
  SIGNER_HEADERS,
  type SignerParameters,
} from '../../config/profile/signers.ts';
import { type ByteString, isAscii, percentDecode, toBytes } from '../../core/byte-string.ts';
import { OutriderError } from '../../core/errors.ts';
import { headerValues } from '../../core/headers.ts';
import { ALGORITHMS, type AlgorithmName, type Key } from '../../keys/algorithms.ts';
import { readFields } from '../fields.ts';
import { compileKey } from '../key.ts';
import { formEncode } from '../text.ts';
import { quoted } from './quoted.ts';
import type { AddedHeader, SignedRequest, Signer } from './signer.ts';

/** HTTP Message Signatures (RFC 9421), with the digest of the body (RFC 9530). */

/** Compiles `signer: http-message-signature`. */
export const messageSignature: Signer<SignerParameters<'http-message-signature'>> = (parameters, compile) => {
  const { components, algorithm, label, expiresMs, digest } = parameters;
  const key = compileKey(
    parameters.key,
    algorithm === undefined ? 'none' : ALGORITHMS[MESSAGE_ALGORITHMS[algorithm]].key,
    compile,
  );
  const keyId = compile(parameters.keyId ?? '');
  const tag = compile(parameters.tag ?? '');
  const covers = (name: string): boolean => components.some((one) => one.name === name);
  const hasDigest = covers('content-digest');
  const coversLength = covers('content-length');
  return {
    algorithm: algorithm ?? "the key's own",
    header: SIGNER_HEADERS['http-message-signature'],
    key: key.template,
    parameters: [key.template, keyId, tag],
    needsBody: () => hasDigest || coversLength,
    compose(request, show) {
      const digests: readonly AddedHeader[] = hasDigest
        ? [['content-digest', contentDigest(request.body, digest)]]
        : [];
      const createdS = Math.floor(request.nowMs / 1000);
      const input = [
        identifiers(components),
        `created=${createdS}`,
        ...(expiresMs === undefined ? [] : [`expires=${createdS + Math.floor(expiresMs / 1000)}`]),
        ...(algorithm === undefined ? [] : [`alg="${algorithm}"`]),
        ...textParameter('keyid', show(keyId)),
        ...textParameter('tag', show(tag)),
      ].join(';');
      const text = signatureBase(components, input, request, new Map(digests));
      return {
        text,
        covers: components.map(identifier),
        headers: [...digests, ['signature-input', `${label}=${input}`]],
        drops: [],
        ...(coversLength && { fixesLength: true }),
        sign(keyOf) {
          const material = keyOf(key);
          const name = algorithm === undefined ? algorithmOf(material) : MESSAGE_ALGORITHMS[algorithm];
          return ALGORITHMS[name].sign(material, toBytes(text)).toString('base64');
        },
        carry: (signature) => `${label}=:${signature}:`,
      };
    },
  };
};

/** The algorithm that a key decides. That there is one was checked when the config was loaded. */
function algorithmOf(key: Key): AlgorithmName {
  const found = key instanceof KeyObject ? messageAlgorithmOf(key) : undefined;
  if (found === undefined) throw new TypeError('no algorithm takes this key');
  return found;
}

const contentDigest = (body: Uint8Array, digest: 'sha-256' | 'sha-512'): string =>
  `${digest}=:${hash(digest.replace('-', ''), body, 'base64')}:`;

/** A parameter that is a text (RFC 8941 §3.3.3); none when it is empty. The config holds ASCII alone there. */
const textParameter = (name: string, value: ByteString): readonly string[] =>
  value === '' ? [] : [`${name}=${quoted(value)}`];

const identifier = ({ name, parameter }: MessageComponent): string =>
  parameter === undefined ? `"${name}"` : `"${name}";name="${encodeName(parameter)}"`;

const identifiers = (components: readonly MessageComponent[]): string => `(${components.map(identifier).join(' ')})`;

/** A name or value of a query as RFC 9421 §2.2.8 writes it. */
const reencode = (text: ByteString): ByteString => formEncode(text).replaceAll('+', '%20');
const encodeName = (name: string): string => reencode(percentDecode(name));

/**
 * The signature base (RFC 9421 §2.5). Throws `bad_request` for a component that the request does not have, or not for certain.
 * @param input The components and parameters, as they stand in Signature-Input behind the label.
 * @param added Header fields that take the place of the caller's, by their names in lower case.
 */
export function signatureBase(
  components: readonly MessageComponent[],
  input: string,
  request: SignedRequest,
  added: ReadonlyMap<string, ByteString>,
): ByteString {
  const lines = components.map((one) => `${identifier(one)}: ${valueOf(one, request, added)}\n`);
  return `${lines.join('')}"@signature-params": ${input}`;
}

function valueOf(
  { name, parameter }: MessageComponent,
  request: SignedRequest,
  added: ReadonlyMap<string, ByteString>,
): ByteString {
  const value = parameter === undefined ? (derive(name, request) ?? added.get(name)) : queryValue(request, parameter);
  if (value !== undefined) return value;
  const values = headerValues(request.headers, name);
  if (values.length === 0) throw missing(`The header ${name} is`);
  const joined = values.map((one) => one.trim().replaceAll(/\s*\r?\n\s+/g, ' ')).join(', ');
  if (isAscii(joined)) return joined;
  throw refuse(
    `The header ${name} is covered by the signature and holds other characters than ASCII.`,
    'Send it in ASCII.',
  );
}

/** The value of a derived component, or of Content-Length. Undefined for a header. */
function derive(name: string, { method, origin, target, body, isBodiless }: SignedRequest): ByteString | undefined {
  const mark = target.indexOf('?');
  switch (name) {
    case '@method':
      return method;
    case '@target-uri':
      return origin + target;
    case '@authority':
      return new URL(origin).host;
    case '@scheme':
      return origin.slice(0, origin.indexOf(':'));
    case '@request-target':
      return target;
    case '@path':
      return mark < 0 ? target : target.slice(0, mark);
    case '@query':
      return mark < 0 ? '?' : target.slice(mark);
    case 'content-length':
      if (isBodiless) throw missing('A body, and so Content-Length, is');
      return String(body.length);
    default:
      return undefined;
  }
}

function queryValue({ target }: SignedRequest, parameter: string): ByteString {
  const mark = target.indexOf('?');
  const values = readFields(mark < 0 ? '' : target.slice(mark + 1)).get(percentDecode(parameter)) ?? [];
  const [value, another] = values;
  if (value === undefined) throw missing(`The query parameter "${parameter}" is`);
  if (another === undefined) return reencode(value);
  throw refuse(`The query parameter "${parameter}" is covered by the signature and was sent twice.`, 'Send it once.');
}

const missing = (what: string): OutriderError =>
  refuse(`${what} covered by the signature and not there.`, 'Send it, or take it out of `components` in the profile.');

const refuse = (detail: string, remedy: string): OutriderError => new OutriderError('bad_request', { detail, remedy });
