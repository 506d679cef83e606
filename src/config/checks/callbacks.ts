import type { CallbackConfig } from '../config.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { defaultOf } from '../profile/default-text.ts';
import { credentialsOf } from '../profile/read-names.ts';
import type { CallbackData, ConfigData } from '../schema.ts';
import { ChildLocation, find, nearest, type MapNode, type Node } from '../yaml/tree.ts';
import type { ReadProvider } from './providers.ts';

/**
 * Checks the callbacks, and completes them by their defaults.
 * Reports `missing_key`, `duplicate_name`, `duplicate_route`, `unknown_provider`, `invalid_value`, `missing_credential` and
 * `unused_key`.
 */
export function readCallbacks(
  root: MapNode,
  data: ConfigData,
  providers: ReadonlyMap<string, ReadProvider>,
  problems: Problems,
): CallbackConfig[] {
  const list = find(root, 'callbacks');
  const given = data.callbacks ?? [];
  const listens = find(root, 'callbacks_listen');
  if (given.length > 0 && data.callbacksListen === undefined && !problems.isBrokenBelow(listens)) {
    const place = new ChildLocation(root, 'callbacks_listen');
    const help = 'add `callbacks_listen: { address: 127.0.0.1:8090 }`';
    problems.error('missing_key', place, 'there is no address at which callbacks could come in', help);
  }
  if (given.length === 0 && data.callbacksListen !== undefined && listens && !problems.isBrokenBelow(list)) {
    const message = 'there are no `callbacks`, so nothing is served at this address';
    problems.warning('unused_key', listens, message, 'add `callbacks:`, or leave it out');
  }
  const callbacks: CallbackConfig[] = [];
  for (const [index, entry] of given.entries()) {
    const node = list?.kind === 'list' ? list.items[index] : undefined;
    if (entry === undefined || node === undefined) continue;
    checkProvider(root, node, entry, providers, problems);
    const callback = {
      name: entry.name ?? entry.verify,
      path: entry.match?.path,
      verify: entry.verify,
      forward: entry.forward,
      timeoutMs: entry.timeoutMs,
      windowMs: entry.windowMs,
      duplicates: entry.duplicates,
    };
    checkTaken(node, callback, callbacks, problems);
    callbacks.push(callback);
  }
  return callbacks;
}

function checkTaken(
  node: Node,
  { name, path }: CallbackConfig,
  before: readonly CallbackConfig[],
  problems: Problems,
): void {
  if (before.some((other) => other.name === name)) {
    const help = 'give each callback a name of its own';
    problems.error('duplicate_name', nearest(node, 'name'), `a callback before is called "${name}" too`, help);
  }
  if (path !== undefined && before.some((other) => other.path === path)) {
    const message = `a callback before has the path ${path} too`;
    problems.error('duplicate_route', nearest(node, 'match', 'path'), message, 'give each callback a path of its own');
  }
}

function checkProvider(
  root: MapNode,
  node: Node,
  { verify }: CallbackData,
  providers: ReadonlyMap<string, ReadProvider>,
  problems: Problems,
): void {
  const place = nearest(node, 'verify');
  if (verify === undefined || problems.isReported(place)) return;
  const provider = providers.get(verify);
  if (!provider) {
    const help = didYouMean(verify, [...providers.keys()], 'providers');
    problems.error('unknown_provider', place, `no provider is called "${verify}"`, help);
    return;
  }
  const profile = provider.config?.profile;
  if (!profile) return;
  if (profile.verify.length === 0) {
    const help = 'name a provider whose profile has `verify`, such as phonepe, phonepe-x-verify or payu-payment';
    problems.error('invalid_value', place, `the profile "${profile.name}" of "${verify}" verifies no callbacks`, help);
    return;
  }
  const { values } = provider.credentials.current;
  for (const name of credentialsOf(profile.verify, profile.values)) {
    const spec = profile.credentials[name];
    const given = find(root, 'providers', verify, 'credentials', name);
    // The provider itself reports one that is always required.
    if (!spec || !(spec.optional || spec.empty) || problems.isBrokenBelow(given)) continue;
    if ((values.get(name) ?? '') !== '' || defaultOf(spec, provider.environment) !== undefined) continue;
    const message = `the credential "${name}" of "${verify}" is missing: nothing can be verified without it`;
    problems.error('missing_credential', place, message, `add \`${name}:\` to \`providers.${verify}.credentials\``);
  }
}
