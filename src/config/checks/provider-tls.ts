import type { Clock } from '../../core/clock.ts';
import { unbracket } from '../../core/authority.ts';
import type { CredentialEntry } from '../credentials.ts';
import { hideBelow } from '../diagnostics/hide.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { TlsData } from '../schema.ts';
import { agesOf, ReloadableTls, TLS_TEXTS, type TlsText } from '../tls.ts';
import { ChildLocation, find, nearest, type Node } from '../yaml/tree.ts';

const SECRET: ReadonlySet<TlsText> = new Set(['key', 'passphrase']);

/**
 * Reads the `tls` section of a provider, or of its `token`.
 * Reports `missing_key`, `bad_certificate`, `bad_key`, `unused_key` and `expiring_certificate`.
 * @param path The keys that lead to the section.
 * @returns Undefined when the section is empty: then TLS is spoken as without it.
 */
export function readTls(
  provider: Node,
  path: readonly string[],
  data: TlsData,
  clock: Clock,
  problems: Problems,
): ReloadableTls | undefined {
  const section = find(provider, ...path);
  if (section === undefined) return undefined;
  const way = path.join('.');
  for (const key of SECRET) hideBelow(find(section, key));
  checkPairs(section, data, problems);
  const given = TLS_TEXTS.flatMap((key) => {
    const node = data[key];
    return node === undefined ? [] : [{ key, node }];
  });
  const serverName = data.serverName === undefined ? undefined : unbracket(data.serverName);
  if (given.length === 0 && serverName === undefined) return undefined;
  const entries = given.map(({ key, node }): CredentialEntry => {
    const format = key === 'key' ? 'pem' : 'text';
    return { name: `${way}.${key}`, node, isSecret: SECRET.has(key), mayBeEmpty: false, format };
  });
  const tls = new ReloadableTls(way, entries, { serverName, clock });
  const { faults } = tls;
  for (const [key, error] of faults) problems.add(error, nearest(section, key));
  if (faults.size > 0) return tls;
  const texts = Object.fromEntries(given.map(({ key, node }) => [key, node.text]));
  for (const [key, message] of agesOf(way, texts, clock.now())) {
    problems.warning('expiring_certificate', nearest(section, key), message, HELP[key] ?? HELP.certificate);
  }
  return tls;
}

const HELP: Readonly<Partial<Record<TlsText, string>>> & { readonly certificate: string } = {
  certificate: 'have a new one made, and put it with its key in place of the old pair: no restart is needed',
  ca: 'put the newer certificate of the authority there, beside this one or in its place',
};

/** Reports a certificate without its key, a key without its certificate, and a passphrase without a key. */
function checkPairs(section: Node, data: TlsData, problems: Problems): void {
  const pairs = [
    ['certificate', 'key'],
    ['key', 'certificate'],
  ] as const;
  for (const [key, other] of pairs) {
    if (data[key] === undefined || data[other] !== undefined || problems.isReported(find(section, other))) continue;
    const place = new ChildLocation(section, other);
    problems.error('missing_key', place, `a \`${key}\` needs a \`${other}\` beside it`, `add \`${other}: \${file:…}\``);
  }
  const passphrase = find(section, 'passphrase');
  if (passphrase && data.passphrase !== undefined && data.key === undefined) {
    problems.warning('unused_key', passphrase, 'a `passphrase` means nothing without a `key`', 'leave it out');
  }
}
