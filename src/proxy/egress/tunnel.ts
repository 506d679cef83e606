import type { Socket } from 'node:net';
import { OutriderError } from '../../core/errors.ts';
import type { EgressProxy } from './egress.ts';

const HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = '\r\n\r\n';

/**
 * Makes the caller's error for an egress proxy that answers with `status` (0: nothing valid): `upstream_unreachable`,
 * `not_sent`.
 */
export const egressRefusal = (status: number): OutriderError =>
  new OutriderError('upstream_unreachable', {
    detail:
      status === 407
        ? 'the egress proxy wants other credentials (407)'
        : status === 0
          ? 'the egress proxy answered with something else than HTTP/1.1'
          : `the egress proxy did not open a way to the provider (${status})`,
    proxyError: status === 407 ? 'proxy_configuration_error' : 'destination_unavailable',
    isEgress: true,
  });

/** Makes the caller's error for an egress proxy that can't be reached: `upstream_unreachable`, `not_sent`. */
export const egressUnreachable = (cause: Error): OutriderError =>
  new OutriderError('upstream_unreachable', {
    detail: `the egress proxy can't be reached${'code' in cause ? ` (${String(cause.code)})` : ''}`,
    proxyError: 'destination_unavailable',
    isEgress: true,
    cause,
  });

/**
 * Asks a proxy for a tunnel to `authority` (host:port, RFC 9110 §9.3.6), over a connection to that proxy. Resolves when the
 * socket leads to the authority; the socket is paused then. Rejects with `upstream_unreachable`, and destroys the socket.
 */
export function openTunnel(socket: Socket, authority: string, { authorization }: EgressProxy): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let head = '';
  const end = (error?: OutriderError): void => {
    socket.off('data', read).off('error', broken).off('end', closed).off('close', closed);
    if (!error) {
      socket.pause();
      resolve();
      return;
    }
    socket.destroy();
    reject(error);
  };
  const broken = (error: Error): void => end(egressUnreachable(error));
  const closed = (): void => end(egressUnreachable(new Error('closed')));
  const read = (chunk: Buffer): void => {
    head += chunk.toString('latin1');
    const at = head.indexOf(END_OF_HEAD);
    if (at < 0) {
      if (head.length > HEAD_BYTES) end(egressRefusal(0));
      return;
    }
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
    const rest = Buffer.from(head.slice(at + END_OF_HEAD.length), 'latin1');
    end(status >= 200 && status < 300 ? undefined : egressRefusal(status));
    if (rest.length > 0 && !socket.destroyed) socket.unshift(rest);
  };
  socket.on('data', read).on('error', broken).on('end', closed).on('close', closed);
  const credentials = authorization ? `Proxy-Authorization: ${authorization.reveal()}\r\n` : '';
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`);
  return promise;
}
