import type { ByteString } from '../../core/byte-string.ts';

/** A text as a quoted string of a header, in ASCII (RFC 9110 §5.6.4, RFC 8941 §3.3.3). */
export const quoted = (text: ByteString): ByteString => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
