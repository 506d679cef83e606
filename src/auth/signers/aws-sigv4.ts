import { createHmac, hash } from 'node:crypto';
import { SIGNER_HEADERS, type SignerParameters } from '../../config/profile/signers.ts';
import { type ByteString, percentDecode, percentEncode, toBytes } from '../../core/byte-string.ts';
import { OutriderError } from '../../core/errors.ts';
import { headerValue, headerValues } from '../../core/headers.ts';
import { compactTime } from '../now.ts';
import { badBody } from '../problem.ts';
import type { AddedHeader, SignedRequest, Signer } from './signer.ts';

/**
 * AWS Signature Version 4, in the Authorization header
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */

const ALGORITHM = 'AWS4-HMAC-SHA256';
const UNSIGNED = 'UNSIGNED-PAYLOAD';
const TOKEN_HEADER = 'x-amz-security-token';
/** In place of the hash: chunks that end in a checksum. Nothing in them is signed, so that they may pass as they are. */
const UNSIGNED_CHUNKS = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

const PAYLOAD_HEADER = 'x-amz-content-sha256';

/** The services whose paths are names of objects, in which nothing is normalised. They want the hash of the body in a header. */
const S3: ReadonlySet<string> = new Set(['s3', 's3-object-lambda', 's3-outposts', 's3express']);

/** Compiles `signer: aws-sigv4`. */
export const awsSigV4: Signer<SignerParameters<'aws-sigv4'>> = (parameters, compile) => {
  const accessKeyId = compile(parameters.accessKeyId);
  const secretAccessKey = compile(parameters.secretAccessKey);
  const region = compile(parameters.region);
  const service = compile(parameters.service);
  const sessionToken = compile(parameters.sessionToken ?? '');
  const isSigned = parameters.payload === 'signed';
  const keyOf = createSigningKeys();
  return {
    algorithm: ALGORITHM,
    header: SIGNER_HEADERS['aws-sigv4'],
    key: secretAccessKey,
    parameters: [accessKeyId, secretAccessKey, region, service, sessionToken],
    needsBody: () => isSigned,
    compose(request, show) {
      const [serviceName, token] = [show(service), show(sessionToken)];
      const isS3 = S3.has(serviceName);
      const time = compactTime(request.nowMs);
      const scope = [time.slice(0, 8), show(region), serviceName, 'aws4_request'] as const;
      const payload = payloadOf(request, isSigned);
      const isPayloadShown = isS3 || !isSigned || headerValue(request.headers, PAYLOAD_HEADER) !== undefined;
      const headers: readonly AddedHeader[] = [
        ['x-amz-date', time],
        ...(isPayloadShown ? [[PAYLOAD_HEADER, payload] as const] : []),
        ...(token === '' ? [] : [[TOKEN_HEADER, token] as const]),
      ];
      const signed = signedHeaders(request, headers);
      const canonical = canonicalRequest(request, signed, payload, isS3);
      const text = [ALGORITHM, time, scope.join('/'), hash('sha256', toBytes(canonical), 'hex')].join('\n');
      const names = [...signed.keys()];
      return {
        text: canonical,
        covers: ['method', 'path', 'query', ...names, ...(payload === UNSIGNED ? [] : ['body'])],
        headers,
        drops: token === '' ? [TOKEN_HEADER] : [],
        // S3 takes no body in the chunks of HTTP.
        ...(isS3 && isSigned && { fixesLength: true }),
        sign: () =>
          createHmac('sha256', keyOf(show(secretAccessKey), scope))
            .update(toBytes(text))
            .digest('hex'),
        carry: (signature) =>
          `${ALGORITHM} Credential=${show(accessKeyId)}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
      };
    },
  };
};

/** The hash of the body, or what stands in its place. Throws `bad_body` for a body that the caller framed for its own key. */
function payloadOf({ headers, body }: SignedRequest, isSigned: boolean): string {
  const said = headerValues(headers, PAYLOAD_HEADER).join(',');
  const isChunked =
    said.startsWith('STREAMING-') || /\baws-chunked\b/i.test(headerValues(headers, 'content-encoding').join());
  if (!isChunked) return isSigned ? hash('sha256', body, 'hex') : UNSIGNED;
  if (!isSigned && said === UNSIGNED_CHUNKS) return said;
  throw badBody(
    `The body came in the chunks of AWS (${said === '' ? 'aws-chunked' : said}), which hold what a client signed or counted for itself.`,
    isSigned
      ? 'Let the client send the body as it is, not in chunks, or set `payload: unsigned` for S3 and chunks without signatures.'
      : 'Let the client send the body as it is, or in chunks without signatures.',
  );
}

const isSignedHeader = (name: string): boolean => name === 'content-type' || name.startsWith('x-amz-');

/**
 * The headers that are signed, by their names in lower case, sorted: Host, and those that `isWanted`.
 * @param added Those that take the place of the caller's.
 */
export function signedHeaders(
  { origin, headers }: SignedRequest,
  added: readonly AddedHeader[],
  isWanted = isSignedHeader,
): Map<string, ByteString> {
  const found = new Map<string, ByteString>([['host', new URL(origin).host], ...added]);
  const own = new Set([...found.keys(), TOKEN_HEADER]);
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (!isWanted(name) || own.has(name)) continue;
    const before = found.get(name);
    const value = trimmed(headers[i + 1] as string);
    found.set(name, before === undefined ? value : `${before},${value}`);
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const trimmed = (value: string): string => value.trim().replaceAll(/[ \t]+/g, ' ');

/**
 * The canonical request. Throws `bad_request` for a target that AWS and its clients read in different ways.
 * @param headers The signed headers, sorted.
 * @param payload The hash of the body, or what stands in its place.
 */
export function canonicalRequest(
  { method, target }: Pick<SignedRequest, 'method' | 'target'>,
  headers: ReadonlyMap<string, ByteString>,
  payload: string,
  isS3: boolean,
): ByteString {
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  const lines = [...headers].map(([name, value]) => `${name}:${value}\n`).join('');
  return [
    method,
    isS3 ? objectPath(path) : encodePath(path.replaceAll(/\/{2,}/g, '/')),
    canonicalQuery(query),
    lines,
    [...headers.keys()].join(';'),
    payload,
  ].join('\n');
}

const encodePath = (path: ByteString): ByteString => path.split('/').map(percentEncode).join('/');

function objectPath(path: ByteString): ByteString {
  if (path.includes('+')) {
    throw refuse('The path has a bare +, which S3 may take for a space.', 'Write %2B for a plus, or %20 for a space.');
  }
  return encodePath(percentDecode(path));
}

function canonicalQuery(query: ByteString): ByteString {
  if (query === '') return '';
  const pairs = query.split('&').map((piece): readonly [string, string] => {
    if (piece === '') throw refuse('The query has an empty parameter.', 'Leave out the & at its end, and one of two.');
    if (piece.includes('+')) {
      throw refuse(
        'The query has a bare +, which may mean a plus or a space.',
        'Write %2B for a plus, or %20 for a space.',
      );
    }
    if (/%(?![0-9A-Fa-f]{2})/.test(piece)) {
      throw refuse('The query has a bad percent escape.', 'Write %25 for a percent sign.');
    }
    const equals = piece.indexOf('=');
    const [name, value] = equals < 0 ? [piece, ''] : [piece.slice(0, equals), piece.slice(equals + 1)];
    return [percentEncode(percentDecode(name)), percentEncode(percentDecode(value))];
  });
  if (pairs.some(([name]) => /^X-Amz-(?:Signature|Credential)$/i.test(name))) {
    throw refuse('The URL is signed already: its query has X-Amz-Signature.', 'Send the request without a signature.');
  }
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return pairs
    .toSorted((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const refuse = (detail: string, remedy: string): OutriderError => new OutriderError('bad_request', { detail, remedy });

type KeyScope = readonly [date: string, region: string, service: string, end: string];

/** Creates the function that derives a key for one day, region and service. It keeps the last one. */
function createSigningKeys(): (secret: ByteString, scope: KeyScope) => Buffer {
  let last: { readonly from: string; readonly secret: ByteString; readonly key: Buffer } | undefined;
  return (secret, scope) => {
    const from = scope.join('/');
    if (last?.from !== from || last.secret !== secret) {
      const key = scope.reduce(
        (made, part) => createHmac('sha256', made).update(toBytes(part)).digest(),
        toBytes(`AWS4${secret}`),
      );
      last = { from, secret, key };
    }
    return last.key;
  };
}
