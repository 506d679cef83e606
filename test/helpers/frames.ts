import { createHash, randomBytes } from 'node:crypto';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What a server answers to a `Sec-WebSocket-Key` (RFC 6455 §4.2.2). */
export const acceptOf = (key: string): string => createHash('sha1').update(`${key}${MAGIC}`).digest('base64');

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly payload: Buffer;
}

/** One frame as bytes (RFC 6455 §5.2). */
export function frame(
  opcode: number,
  payload: string | Uint8Array = '',
  { isFinal = true, mask = false }: { readonly isFinal?: boolean; readonly mask?: boolean } = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const long = body.length > 65_535 ? 8 : body.length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + long);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = (mask ? 0x80 : 0) | (long === 8 ? 127 : long === 2 ? 126 : body.length);
  if (long === 2) head.writeUInt16BE(body.length, 2);
  if (long === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (!mask) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, body.map((byte, i) => byte ^ (key[i % 4] as number))]);
}

/** A close frame's payload: its code and reason. */
export function closing(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** The whole frames at the front of `bytes`, unmasked. */
export function readFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first, second] = [bytes[at] as number, bytes[at + 1] as number];
    let length = second & 0x7f;
    let next = at + 2;
    if (length === 126) length = bytes.readUInt16BE((next += 2) - 2);
    else if (length === 127) length = Number(bytes.readBigUInt64BE((next += 8) - 8));
    const key = second & 0x80 ? bytes.subarray(next, (next += 4)) : undefined;
    if (next + length > bytes.length) break;
    const payload = Buffer.from(bytes.subarray(next, next + length));
    if (key) for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (key[i % 4] as number);
    frames.push({ isFinal: (first & 0x80) !== 0, opcode: first & 0x0f, isMasked: key !== undefined, payload });
    at = next + length;
  }
  return frames;
}
