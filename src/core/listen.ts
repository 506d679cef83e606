import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { isMainThread } from 'node:worker_threads';
import type { Address } from './address.ts';

export type { Address };

/** Whether there is a socket and nobody accepts: a left-over. Any other file is somebody's. */
function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => resolve((probe.destroy(), false)));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** The code of the error for a group that nobody knows; the system has none. */
export const NO_GROUP = 'ENOGROUP';

/** The number of a group; a name is looked up where `getent` looks, or in /etc/group. Throws with the code `ENOGROUP`. */
function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const found = spawnSync('getent', ['group', group], { encoding: 'utf8' });
  const entries = found.error ? readFileSync('/etc/group', 'utf8') : found.stdout;
  const entry = entries.split('\n').find((line) => line.startsWith(`${group}:`));
  if (entry === undefined) {
    throw Object.assign(new Error(`there is no group "${group}" on this machine`), { code: NO_GROUP });
  }
  return Number(entry.split(':')[2]);
}

async function bind(server: Server, address: Address): Promise<void> {
  if ('path' in address) {
    const gid = address.group === undefined ? undefined : groupId(address.group);
    // The socket's mode is made of this mask, so that there is no moment in which others may connect. A worker can't set it.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    server.listen({ path: address.path });
    if (mask !== undefined) process.umask(mask);
    await once(server, 'listening');
    // The group first, so that there is no moment in which another one may connect.
    if (gid !== undefined) chownSync(address.path, -1, gid);
    chmodSync(address.path, address.mode ?? 0o600);
  } else {
    server.listen({ host: address.host, port: address.port, backlog: 4096 });
    await once(server, 'listening');
  }
}

/**
 * Listens on TCP, or on a Unix socket with the mode and group of its address (one that a killed process left behind is taken over).
 * Rejects with the system's error (`EADDRINUSE`, `EACCES`, …), or with `ENOGROUP`.
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
