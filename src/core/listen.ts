import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { isMainThread } from 'node:worker_threads';
import type { Address } from './address.ts';

/** Whether a file is a socket on which nobody listens: a killed process left it behind. Other files are never touched. */
function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => resolve((probe.destroy(), false)));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** The code of the error for an unknown group. The system has no code for it. */
export const NO_GROUP = 'ENOGROUP';

/**
 * Returns the number of a group. A name is looked up with `getent`, or in /etc/group without it. Throws with the code
 * `ENOGROUP`.
 */
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
    // With this mask the socket is created with mode 0600, so that others can't connect before `chmod`. A worker can't set a
    // mask.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    server.listen({ path: address.path });
    if (mask !== undefined) process.umask(mask);
    await once(server, 'listening');
    // The group comes before the mode: otherwise the process's own group could connect for a moment.
    if (gid !== undefined) chownSync(address.path, -1, gid);
    chmodSync(address.path, address.mode ?? 0o600);
  } else {
    server.listen({ host: address.host, port: address.port, backlog: 4096 });
    await once(server, 'listening');
  }
}

/**
 * Makes a server listen on TCP, or on a Unix socket with the mode and group of its address. A socket that a killed process left
 * behind is replaced. Rejects with the system's error (`EADDRINUSE`, `EACCES`, …), or with an error with the code `ENOGROUP`.
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

/** Returns where a server listens: `http://host:port` with the actual port and the `scheme`, or `unix:/path`. */
export function originOf(server: Server, address: Address, scheme: 'http' | 'https' = 'http'): string {
  if ('path' in address) return `unix:${address.path}`;
  const { port } = server.address() as AddressInfo;
  return `${scheme}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}
