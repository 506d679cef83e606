import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/**
 * Opens a tunnel to `authority` through the proxy at `port`, and TLS in it. Nobody trusts the CA of a benchmark, so
 * the certificate is not verified here.
 */
export function openTunnel(port: number, authority: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    socket.once('data', (chunk: Buffer) => {
      if (!chunk.toString('latin1').startsWith('HTTP/1.1 200')) {
        socket.destroy();
        reject(new Error(`no tunnel: ${chunk.toString('latin1')}`));
        return;
      }
      const secure = connectTls({ socket, rejectUnauthorized: false });
      secure.once('error', reject);
      secure.once('secureConnect', () => {
        secure.off('error', reject);
        resolve(secure);
      });
    });
  });
}

/** How long a tunnel took to open, and the certificate that was shown in it. */
export async function timeTunnel(port: number, authority: string): Promise<{ ms: number; fingerprint: string }> {
  const startedAt = performance.now();
  const secure = await openTunnel(port, authority);
  const ms = performance.now() - startedAt;
  const { fingerprint256 } = secure.getPeerCertificate();
  secure.destroy();
  return { ms, fingerprint: fingerprint256 };
}
