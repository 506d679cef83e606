import { headerValues, type RawHeaders } from './headers.ts';

/** What the headers of a request say of the trace that it belongs to (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits in lower case, not all zero. */
  readonly traceId: string;
  /** The span of the sender: 16 hex digits in lower case, not all zero. */
  readonly spanId: string;
  /** One byte. Bit 0: the trace is sampled. Bit 1: its id is random. */
  readonly flags: number;
  /** The members of `tracestate`, joined; empty when there are none, or when one of them is not valid. */
  readonly state: string;
}

export const SAMPLED = 1;
const RANDOM = 2;

const PARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_MEMBERS = 32;

/**
 * Reads `traceparent` and `tracestate`. Undefined when `traceparent` is missing, stands twice or is not valid: then a new trace
 * begins. The fields of a later version are read as far as this one knows them (§4.3).
 */
export function readTraceContext(headers: RawHeaders): TraceContext | undefined {
  const [parent = '', ...more] = headerValues(headers, 'traceparent');
  const [, version, traceId, spanId, flags, rest] = PARENT.exec(parent) ?? [];
  if (more.length > 0 || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16), state: readState(headerValues(headers, 'tracestate')) };
}

function readState(values: readonly string[]): string {
  const members = values.flatMap((value) => value.split(',').map((member) => member.trim())).filter(Boolean);
  return members.length <= MAX_MEMBERS && members.every((member) => MEMBER.test(member)) ? members.join(',') : '';
}

/** Writes `traceparent`. Of `flags` only the bits that version 00 knows are sent. */
export const traceParent = ({ traceId, spanId, flags }: Omit<TraceContext, 'state'>): string =>
  `00-${traceId}-${spanId}-0${flags & (SAMPLED | RANDOM)}`;
