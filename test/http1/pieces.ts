/** A text of bytes cut into two at every place, into single bytes, and whole. */
export function* everyCut(bytes: string): Generator<readonly Buffer[]> {
  const whole = Buffer.from(bytes, 'latin1');
  yield [whole];
  for (let at = 1; at < whole.length; at++) yield [whole.subarray(0, at), whole.subarray(at)];
  yield Array.from(whole, (byte) => Buffer.from([byte]));
}
