import { resolve } from 'node:path';
import { readAdminAddress } from '../config/admin-address.ts';
import { ConfigError } from '../config/diagnostics/config-error.ts';
import { findConfigFile } from '../config/find-file.ts';
import { ADDRESS_HELP, parseAddress, type Address } from '../core/address.ts';
import { unbracket } from '../core/authority.ts';
import type { Context } from './output.ts';
import { CommandRefusal } from './refusal.ts';

// `outrider health` runs often. So nothing is loaded here that it does not need: no YAML, no schema, no node:http.

/** Addresses that mean all interfaces, and the address to connect to in their place. */
const REACHABLE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '::1' };

/** The host to connect to: loopback in the place of an address that means all interfaces. */
function reachable(host: string): string {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const normal = URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : host;
  return REACHABLE[normal] ?? host;
}

/** Where `node:net` and `node:http` find an address. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/** Returns where to connect to an address that somebody listens at. */
export const endpointOf = (address: Address): Endpoint =>
  'path' in address ? { path: address.path } : { host: reachable(address.host), port: address.port };

/** Reads the value of `--admin` or `$OUTRIDER_ADMIN`; `name` is which of them. Throws a {@link CommandRefusal}: `bad_address`. */
function readAdmin(text: string, name: string, cwd: string): Address {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const { protocol, hostname, port, pathname, search } = new URL(text);
    if (protocol !== 'http:' || pathname !== '/' || search !== '') {
      const message = `\`${name}\` is not the URL of an admin address`;
      throw new CommandRefusal('bad_address', message, 'write http://host:port, with neither TLS nor a path');
    }
    return { host: unbracket(hostname), port: Number(port || 80) };
  }
  const address = parseAddress(text);
  if (!address)
    throw new CommandRefusal('bad_address', `\`${name}\` is not an address`, `${ADDRESS_HELP}, or http://host:port`);
  return 'path' in address ? { path: resolve(cwd, address.path) } : address;
}

function asRefusal(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  throw new CommandRefusal(error.code, error.message, error.help ?? '`outrider check` shows where');
}

/**
 * Finds where to ask a running proxy: at `admin`, the value of `--admin`, else `$OUTRIDER_ADMIN`, else the config's `admin.address`.
 * Nothing else of the config matters. Throws a {@link CommandRefusal}.
 */
export async function locateAdmin(
  { env, cwd, config }: Pick<Context, 'env' | 'cwd' | 'config'>,
  admin: string | undefined,
): Promise<Address> {
  const given = admin ?? (env['OUTRIDER_ADMIN'] || undefined);
  const name = admin === undefined ? 'OUTRIDER_ADMIN' : '--admin';
  let address: Address | false;
  if (given === undefined) {
    const file = findConfigFile(config, env, cwd);
    if (file === undefined) {
      const message = 'there is no config file: neither ./proxy.config.yaml nor /etc/outrider/proxy.config.yaml';
      throw new CommandRefusal(
        'no_config',
        message,
        'say where to ask with --admin or $OUTRIDER_ADMIN, or name a file with --config',
      );
    }
    address = await readAdminAddress(file, env).catch(asRefusal);
  } else address = readAdmin(given, name, cwd);
  const help = 'set `admin.address` to a fixed address, or say with --admin where it is';
  if (address === false) throw new CommandRefusal('no_admin', 'the admin address is switched off', help);
  if ('port' in address && address.port === 0)
    throw new CommandRefusal('no_admin', 'the admin port is any free one', help);
  return address;
}
