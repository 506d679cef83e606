import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { addressText, type Address } from '../core/address.ts';
import { NO_GROUP } from '../core/listen.ts';
import type { CommandFailure } from './failure.ts';

/** What the system says when an address can't be had. */
export interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

/** What the system said when we wanted to listen on the addresses of a config, with its remedy; undefined for what it never says. */
export function listenFailure(error: SystemError, { listen, admin }: Config): CommandFailure | undefined {
  const is = (address: Address): boolean =>
    'path' in address ? address.path === error.address : address.port === error.port && error.port !== undefined;
  return admin !== false && is(admin.address)
    ? addressFailure(error, 'admin.address', admin.address)
    : addressFailure(error, 'listen.address', listen.address);
}

/** The same where it is known which key's address it was about. */
export function addressFailure(error: SystemError, key: string, address: Address): CommandFailure | undefined {
  const where = addressText(address);
  const another = `set \`${key}\` to another address`;
  if (error.code === NO_GROUP) {
    const help = 'make the group, or set `listen.socket_group` to one that is there';
    return { code: 'unknown_group', message: error.message, help };
  }
  if (error.syscall === 'chown') {
    return {
      code: 'group_denied',
      message: `the system does not let us give ${where} to the group of \`listen.socket_group\``,
      help: 'name a group that the user who runs this is a member of',
    };
  }
  // libuv has EACCES for a directory that is not there.
  const isLost = 'path' in address && !existsSync(dirname(address.path));
  switch (isLost ? 'ENOENT' : error.code) {
    case 'EADDRINUSE':
      return {
        code: 'address_in_use',
        message: `${where} is in use already`,
        help: `stop the program that listens there, or ${another} (port 0: any free one)`,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'address_denied',
        message: `the system does not allow us to listen on ${where}`,
        help: `${another}: ports below 1024, and directories of others, need privileges`,
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { code: 'address_unavailable', message: `${where} is no address of this machine`, help: another };
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return {
        code: 'address_unavailable',
        message: `there can be no socket at ${where}`,
        help: `the directory must exist and the path be short (107 bytes), or ${another}`,
      };
    default:
      return undefined;
  }
}
