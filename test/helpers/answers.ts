/** One final answer, as a caller reads it off the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export interface WireAnswers {
  /** The whole ones. */
  readonly answers: readonly WireAnswer[];
  /** What follows them. */
  readonly rest: string;
}

/**
 * Reads the answers on one connection, to the letter of RFC 9112; throws for anything odd. Text is latin1.
 * @param methods What was asked, in order: an answer to a HEAD has no body, one to what nobody knows may have none.
 */
export function readAnswers(text: string, methods: readonly string[]): WireAnswers {
  const answers: WireAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    if (end < 4) return { answers, rest };
    const head = rest.slice(0, end);
    const match = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e]*\r\n(?:[\w-]+: ?[\t\x20-\x7e]*\r\n)*\r\n$/.exec(head);
    if (!match) throw new Error(`odd answer: ${JSON.stringify(head)}`);
    const status = Number(match[1]);
    if (status < 200) {
      rest = rest.slice(end);
      continue;
    }
    const lengths = [...head.matchAll(/^content-length: (\d+)\r$/gim)];
    if (lengths.length !== 1 || /^transfer-encoding:/im.test(head))
      throw new Error(`odd framing: ${JSON.stringify(head)}`);
    const method = methods[answers.length];
    const hasNone = method === 'HEAD' || (method === undefined && rest.length === end);
    const length = hasNone ? 0 : Number(lengths[0]?.[1]);
    if (rest.length < end + length) return { answers, rest };
    answers.push({ status, head, body: rest.slice(end, end + length) });
    rest = rest.slice(end + length);
  }
}
