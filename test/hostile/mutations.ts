/** One answer of a hostile upstream: bytes (latin1), how they are cut, and what becomes of the connection. */
export interface Mutation {
  readonly method: string;
  readonly bytes: string;
  readonly slices: readonly string[];
  readonly ending: 'stay' | 'end' | 'reset';
}

type Random = () => number;

const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 201 Created',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 400 Bad',
  'HTTP/1.1 302 Found',
  'HTTP/1.1 500',
];
const LINES = [
  'Content-Type: application/json',
  'Set-Cookie: a=1',
  'Set-Cookie: b=2',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: X-Hop, close',
  'Keep-Alive: timeout=5',
  'X-Hop: 1',
  'Via: 1.0 elsewhere',
  'Proxy-Status: elsewhere; error=http_response_timeout',
  'Proxy-Authenticate: Basic',
  'Content-Encoding: gzip',
  'Upgrade: h2c',
  'Trailer: X-Sum',
  'X-Empty:',
  'X-Bytes: \xe9\xff \t end',
  '__proto__: x',
];
const FRAMINGS = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 6',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'content-length: 05',
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Content_Length: 5',
  ' Content-Length: 5',
];
const INTERIM = ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'];
const BITS = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '5',
  'f',
  'x',
  '-',
  '"',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
];
const PLANTED = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';

/** An answer that is nearly right, or quite; what it is depends on `random` alone. */
export function mutate(random: Random): Mutation {
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const upTo = (n: number): number => Math.floor(random() * (n + 1));
  const chunked = (body: string): string => {
    let text = '';
    for (let at = 0; at < body.length;) {
      const piece = body.slice(at, (at += 1 + upTo(4)));
      text += `${piece.length.toString(16)}${random() < 0.2 ? ';a=b' : ''}\r\n${piece}\r\n`;
    }
    return `${text}0\r\n${random() < 0.15 ? 'X-Sum: 1\r\n' : ''}\r\n`;
  };

  const method = oneOf(['GET', 'GET', 'POST', 'HEAD']);
  const statusLine = oneOf(STATUS_LINES);
  const body = oneOf(['hello', 'hello', '', '{"paid":true}', PLANTED]);
  const kind = oneOf(['length', 'length', 'chunked', 'chunked', 'close'] as const);
  const isBodiless = method === 'HEAD' || /204|304/.test(statusLine);
  const lines = Array.from({ length: upTo(4) }, () => oneOf(LINES));
  if (kind === 'length') lines.splice(upTo(lines.length), 0, `Content-Length: ${body.length}`);
  if (kind === 'chunked') lines.splice(upTo(lines.length), 0, 'Transfer-Encoding: chunked');
  if (random() < 0.2) lines.splice(upTo(lines.length), 0, oneOf(FRAMINGS));
  const head = [statusLine, ...lines].join('\r\n');
  let bytes = `${random() < 0.15 ? oneOf(INTERIM) : ''}${head}\r\n\r\n`;
  if (!isBodiless || random() < 0.1) bytes += kind === 'chunked' ? chunked(body) : body;

  const edits: readonly (() => string)[] = [
    () => without(place(), 1 + upTo(4)),
    () => insert(oneOf(BITS)),
    () => insert(oneOf(BITS)),
    () => replace(oneOf(BITS)),
    () => insert(`\r\n${oneOf(FRAMINGS)}`),
    () => bytes + oneOf([PLANTED, PLANTED.slice(0, 20), '\r\n', 'x', 'HTTP/1.1 103 Early Hints\r\n\r\n']),
    () => bytes.slice(0, place()),
    () => bytes.replace(/1\.[01]/, oneOf(['2.0', '0.9', '1.2', '1.0', '1.1'])),
    () => bytes.replace(/ (\d\d\d)/, ` ${oneOf(['000', '099', '101', '100', '600', '20', '2000', '20x'])}`),
    () => bytes.replace(/\r\n/g, (ends) => (random() < 0.1 ? '\n' : ends)),
  ];
  const place = (): number => {
    const bodyAt = bytes.lastIndexOf(head) < 0 ? 0 : bytes.lastIndexOf(head) + head.length + 4;
    return random() < 0.5 ? Math.min(bytes.length, bodyAt + upTo(bytes.length - bodyAt)) : upTo(bytes.length);
  };
  const insert = (bit: string): string => {
    const at = place();
    return bytes.slice(0, at) + bit + bytes.slice(at);
  };
  const without = (at: number, count: number): string => bytes.slice(0, at) + bytes.slice(at + count);
  const replace = (bit: string): string => {
    const at = place();
    return bytes.slice(0, at) + bit + bytes.slice(at + 1);
  };
  for (let edit = oneOf([0, 1, 1, 2, 3]); edit > 0; edit--) bytes = oneOf(edits)();

  const cuts = Array.from({ length: oneOf([0, 0, 1, 3]) }, place).toSorted((a, b) => a - b);
  const slices = [...cuts, bytes.length].map((end, i) => bytes.slice(cuts[i - 1] ?? 0, end));
  return {
    method,
    bytes,
    slices: slices.filter((slice) => slice !== ''),
    ending: oneOf(['end', 'end', 'stay', 'stay', 'reset']),
  };
}
