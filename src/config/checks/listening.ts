import type { Address } from '../config.ts';
import type { ConfigData } from '../schema.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { ChildLocation, find, nearest, type MapNode, type Node, type Location } from '../yaml/tree.ts';

/** Whether only this machine can connect: to a Unix socket, `localhost` or a name below it, 127.0.0.0/8 or `::1`. */
export function isLoopback(address: Address): boolean {
  if ('path' in address) return true;
  const host = address.host.toLowerCase();
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) ||
    /^::ffff:7f[\da-f]{2}:[\da-f]{1,4}$/.test(host) ||
    /^(?:0{1,4}:){0,7}:?:?0{0,3}1$/.test(host)
  );
}

/**
 * Checks the two addresses. Reports that callers from other machines could come in (`unsafe_bind`), that nobody can use the admin
 * API (`closed_admin_api`, a warning), that both addresses are the same (`duplicate_address`), and keys of a Unix socket beside a
 * TCP address (`unused_key`, a warning).
 */
export function checkListening(root: MapNode, data: ConfigData, problems: Problems): void {
  const { listen, admin } = data;
  const isUnclear =
    find(root, 'callers') !== undefined ||
    ['access_tokens', 'allow_unauthenticated'].some((key) => problems.isBrokenBelow(find(root, 'listen', key)));
  const isTokenAsked = data.callers !== undefined || listen.accessTokens.length > 0;
  const isGuarded = isTokenAsked || listen.allowUnauthenticated || isUnclear;
  if (!isLoopback(listen.address) && !isGuarded) {
    problems.error(
      'unsafe_bind',
      pointAt(root, 'listen'),
      'other machines could spend these credentials: the address is beyond loopback and nobody has to say who calls',
      `${remedy(root, 'listen', 'access_tokens')}, or \`callers\`, or \`listen.allow_unauthenticated: true\` if something else keeps strangers out`,
    );
  }
  if (!('path' in listen.address)) {
    for (const key of ['socket_mode', 'socket_group']) {
      const node = find(root, 'listen', key);
      if (node)
        problems.warning(
          'unused_key',
          node,
          `\`${key}\` is for a Unix socket, and \`listen.address\` is none`,
          'remove it',
        );
    }
  }
  for (const [section, address] of [
    ['listen', listen.address],
    ['callbacks_listen', data.callbacksListen?.address],
  ] as const) {
    const tls = find(root, section, 'tls');
    if (tls && address && 'path' in address) {
      problems.warning('unused_key', tls, '`tls` is for TCP, and a Unix socket speaks plain HTTP', 'remove it');
    }
  }
  checkCallbacksAddress(root, data, problems);
  if (admin === false) return;
  const hasToken = admin.token !== undefined || problems.isBrokenBelow(find(root, 'admin', 'token'));
  const why = !isLoopback(admin.address)
    ? 'the admin address is beyond loopback'
    : isTokenAsked
      ? 'callers must show a token'
      : undefined;
  if (why !== undefined && !hasToken) {
    problems.warning(
      'closed_admin_api',
      pointAt(root, 'admin'),
      `${why}, so the admin API wants one too, and there is none: it answers 401`,
      `${remedy(root, 'admin', 'token')}; health and metrics need none`,
    );
  }
  const isKnown = !['listen', 'admin'].some((section) => problems.isReported(find(root, section, 'address')));
  if (isKnown && isSame(listen.address, admin.address)) {
    const help = 'give one of them another port';
    const written = ['admin', 'listen'].find((section) => find(root, section, 'address')) ?? 'admin';
    problems.error('duplicate_address', pointAt(root, written), 'the proxy and the admin address are the same', help);
  }
}

function checkCallbacksAddress(
  root: MapNode,
  { listen, admin, callbacksListen }: ConfigData,
  problems: Problems,
): void {
  if (!callbacksListen || problems.isBrokenBelow(find(root, 'callbacks_listen'))) return;
  const others = [listen.address, ...(admin === false ? [] : [admin.address])];
  if (!others.some((address) => isSame(address, callbacksListen.address))) return;
  const message = 'callbacks have the address of another listener';
  problems.error('duplicate_address', pointAt(root, 'callbacks_listen'), message, 'give them a port of their own');
}

/** Says how a key gets its token: by variables that the config names and that are not set, else by the key itself. */
function remedy(root: MapNode, section: string, key: string): string {
  const node = find(root, section, key);
  const names = (node?.kind === 'list' ? node.items : [node]).flatMap((item) =>
    item?.kind === 'scalar' && item.mayBeNothing ? (/^\$\{(\w+)/.exec(item.raw)?.[1] ?? []) : [],
  );
  const path = `\`${section}.${key}\``;
  return names.length === 0 ? `set ${path}` : `set ${names.join(' or ')} (for ${path})`;
}

function pointAt(root: MapNode, section: string): Location {
  const at: Node = nearest(root, section, 'address');
  return at === root ? new ChildLocation(new ChildLocation(root, section), 'address') : at;
}

function isSame(a: Address, b: Address): boolean {
  if ('path' in a || 'path' in b) return 'path' in a && 'path' in b && a.path === b.path;
  return a.port !== 0 && a.port === b.port && a.host.toLowerCase() === b.host.toLowerCase();
}
