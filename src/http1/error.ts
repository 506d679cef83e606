/** What can be wrong with a message: stable codes, each with its sentence. */
export const HTTP1_ERRORS = {
  bad_start_line: 'the first line is none of HTTP/1.0 or 1.1',
  bad_method: 'the method is none of HTTP',
  bad_target: 'the target has a control or non-ASCII character',
  bad_field: 'a line of the head is not a field by RFC 9112',
  head_too_large: 'the head is larger than the limit',
  target_too_long: 'the target is longer than the limit',
  fields_too_large: 'the header fields are larger than the limit',
  too_many_fields: 'there are more header fields than the limit',
  bad_length: 'Content-Length is not a plain decimal number',
  two_lengths: 'there is more than one Content-Length',
  bad_coding: 'the only Transfer-Encoding taken is "chunked"',
  two_codings: 'there is more than one Transfer-Encoding',
  length_and_coding: 'Content-Length and Transfer-Encoding came together',
  coding_in_1_0: 'Transfer-Encoding came in a message of HTTP/1.0',
  wrong_length: 'the body is not as long as its Content-Length says',
  bad_chunk: 'the chunked coding is broken',
  chunk_overhead: 'the chunks cost more than they carry',
  bad_trailer: 'a trailer says how the body is framed',
  trailers_too_large: 'the trailers are larger than the limit',
  unexpected_switch: 'protocols are switched, and nobody asked for it',
  truncated: 'the connection ended before the message was complete',
  plain_in_tls: 'this port speaks TLS: say https:// in place of http://',
  head_timeout: 'the head did not arrive in time',
  body_timeout: 'the rest of the body did not arrive in time',
} as const;

/** The stable code of a fault. */
export type Http1ErrorCode = keyof typeof HTTP1_ERRORS;

/** A message violates RFC 9112, exceeds a limit, or did not arrive as a whole. */
export class Http1Error extends Error {
  override readonly name = 'Http1Error';
  readonly code: Http1ErrorCode;
  /**
   * In a head: the offset of the wrong byte from the head's first one. For other faults a hint alone: an offset, a count, or 0.
   */
  readonly at: number;

  constructor(code: Http1ErrorCode, at: number) {
    super(HTTP1_ERRORS[code]);
    this.code = code;
    this.at = at;
  }
}
