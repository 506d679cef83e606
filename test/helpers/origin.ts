import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { readRequest, type Request } from './rfc9112.ts';

/** One whole request, as a strict origin reads it. */
export interface OriginRequest {
  /** Which connection it came on, from 1, and as which of its requests. */
  readonly connection: number;
  readonly index: number;
  /** Its exact bytes as latin1. */
  readonly raw: string;
  readonly request: Request;
}

export interface Origin {
  readonly origin: string;
  readonly authority: string;
  /** Connections ever accepted: U of the contract. */
  readonly connections: number;
  /** Bytes that ever came. */
  readonly bytes: number;
  readonly openConnections: number;
  /** Every whole request, in the order in which they became whole. */
  readonly requests: readonly OriginRequest[];
  /** What came of requests that never became whole: their connections have ended. */
  readonly unfinished: readonly string[];
  /** Bytes of requests that are not whole, on connections that are open. */
  readonly underWay: readonly string[];
  /** Whatever is not to the letter of RFC 9112. */
  readonly violations: readonly string[];
  /** Answers as soon as a head is there; default: once the request is whole. */
  isHasty: boolean;
}

/**
 * An origin on bare sockets that keeps every byte, and reads them strictly. It answers each request with its number in
 * `requests`; a hasty one with its number on the connection.
 */
export async function startOrigin(t: ExecutionContext): Promise<Origin> {
  const requests: OriginRequest[] = [];
  const unfinished: string[] = [];
  const violations: string[] = [];
  const underWay = new Map<net.Socket, string>();
  let connections = 0;
  let bytes = 0;

  const serve = (socket: net.Socket): void => {
    const connection = ++connections;
    let text = '';
    let index = 0;
    let isAnswered = false;
    const keep = (rest: string): void => {
      text = rest;
      underWay.set(socket, rest);
    };
    const answer = ({ method }: Request, body: string): void => {
      isAnswered = true;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${method === 'HEAD' ? '' : body}`);
    };
    const readOn = (): void => {
      while (text !== '') {
        const reading = readRequest(text);
        const head = reading.kind === 'request' ? reading.request : reading.head;
        if (reading.kind === 'invalid') violations.push(`${reading.why}: ${JSON.stringify(text.slice(0, 500))}`);
        if (origin.isHasty && head && !isAnswered) answer(head, `${connection}.${index + 1}`);
        if (reading.kind === 'invalid') socket.destroy();
        if (reading.kind !== 'request') return;
        const { request } = reading;
        if (request.doubts.length > 0)
          violations.push(`${request.doubts.join()}: ${JSON.stringify(text.slice(0, 500))}`);
        requests.push({ connection, index: ++index, raw: text.slice(0, request.end), request });
        if (!isAnswered) answer(request, String(requests.length));
        isAnswered = false;
        keep(text.slice(request.end));
      }
    };
    keep('');
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      keep(text + chunk.toString('latin1'));
      readOn();
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      underWay.delete(socket);
      if (text !== '') unfinished.push(text);
    });
  };

  const server = net.createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  t.teardown(() => {
    server.close();
    for (const socket of underWay.keys()) socket.destroy();
  });
  const origin: Origin = {
    origin: `http://${authority}`,
    authority,
    get connections() {
      return connections;
    },
    get bytes() {
      return bytes;
    },
    get openConnections() {
      return underWay.size;
    },
    requests,
    unfinished,
    get underWay() {
      return [...underWay.values()].filter((text) => text !== '');
    },
    violations,
    isHasty: false,
  };
  return origin;
}
