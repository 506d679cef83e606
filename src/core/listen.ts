import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { isMainThread } from 'node:worker_threads';

/** Where to listen: a TCP address or a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** Whether there is a socket and nobody accepts: a left-over. Any other file is somebody's. */
function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => resolve((probe.destroy(), false)));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

async function bind(server: Server, address: Address): Promise<void> {
  if ('path' in address) {
    // The socket's mode is made of this mask, so that there is no moment in which others may connect. A worker can't set it.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    server.listen({ path: address.path });
    if (mask !== undefined) process.umask(mask);
  } else {
    server.listen({ host: address.host, port: address.port, backlog: 4096 });
  }
  await once(server, 'listening');
  if ('path' in address) chmodSync(address.path, 0o600);
}

/**
 * Listens on TCP, or on a Unix socket with mode 0600 (one that a killed process left behind is taken over).
 * Rejects with the system's error (`EADDRINUSE`, `EACCES`, …).
 */
export async function listen(server: Server, address: Address): Promise<void> {
  try {
    await bind(server, address);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!isTaken || !('path' in address) || !(await isStale(address.path))) throw error;
    unlinkSync(address.path);
    await bind(server, address);
  }
}

/** `http://host:port` with the real port, or `unix:/path`. */
export function originOf(server: Server, address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  const { port } = server.address() as AddressInfo;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}
