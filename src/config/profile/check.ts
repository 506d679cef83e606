import { SIMULATOR } from '../../core/simulator.ts';
import { isToken } from '../../core/headers.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { checkProgram } from './program.ts';
import { checkJson, checkMembers } from './json.ts';
import { checkComponents } from './components.ts';
import { checkKeys } from './keys.ts';
import type { ProfileData } from './schema.ts';
import { ChildLocation, find, nearest, type MapNode, type Node } from '../yaml/tree.ts';
import { checkConditions, checkHeaderNames, isPresent } from './conditions.ts';
import { SIGNER_HEADERS, type SignerName } from './signers.ts';
import { checkVerification } from './verify-check.ts';
import { checkTemplate, isOurHeader } from '../schema/values.ts';

const PLACES = ['header', 'query', 'form', 'json'];

/**
 * Checks what the schema of a profile can't express: keys that need or exclude each other, and names of headers and
 * credentials.
 * Reports `invalid_type`, `invalid_value`, `missing_key`, `unknown_environment` and the codes of {@link checkTemplate}.
 */
export function checkProfile(profile: MapNode, data: ProfileData, problems: Problems): void {
  checkEnvironments(profile, data, problems);
  checkCredentials(profile, data, problems);
  checkHeaderNames(find(profile, 'inject', 'headers'), problems);
  for (const place of ['headers', 'query', 'form', 'json'])
    checkNameTemplates(find(profile, 'inject', place), problems);
  checkSignatures(find(profile, 'sign'), problems, true);
  checkVerification(profile, data, problems);
  checkKeys(profile, data, problems);
  checkRenew(find(profile, 'renew'), problems);
  if (!data.token) return;
  for (const call of ['fetch', 'refresh']) {
    const node = find(profile, 'token', call);
    if (node?.kind === 'map') checkCall(node, problems);
  }
  const isProgram = checkProgram(profile, data, problems);
  if (!isProgram && data.token.fetch?.url === undefined) {
    const at = nearest(profile, 'token', 'fetch');
    problems.error('missing_key', at, '`token.fetch.url` is missing', 'add `url: "{{endpoints.token}}"`');
  }
  checkExpiry(profile, data, problems);
  const isForm = data.token.read?.format === 'form';
  if (isForm) checkFormPointers(find(profile, 'token', 'read'), problems);
  checkMembers(find(profile, 'token', 'placeholder'), isForm, problems);
}

function checkEnvironments(profile: MapNode, data: ProfileData, problems: Problems): void {
  for (const [environment, endpoints] of Object.entries(data.environments ?? {})) {
    for (const [name, url] of Object.entries(endpoints ?? {})) {
      if (url === undefined || url.startsWith('/') === (environment === SIMULATOR)) continue;
      problems.error(
        'invalid_value',
        nearest(profile, 'environments', environment, name),
        environment === SIMULATOR
          ? 'an endpoint of the simulator is a path'
          : 'only the environment `simulator` has paths',
        environment === SIMULATOR ? 'write /<kind>/…, as the built-in profiles do' : 'write https://host/path',
      );
    }
  }
}

function checkCredentials(profile: MapNode, data: ProfileData, problems: Problems): void {
  const environments = Object.keys(data.environments ?? {});
  for (const [name, spec] of Object.entries(data.credentials ?? {})) {
    const at = nearest(profile, 'credentials', name);
    if (!/^[A-Za-z_][\w-]*$/.test(name)) {
      problems.error(
        'invalid_value',
        at,
        `"${name}" can't be the name of a credential`,
        'use letters, digits, `_` and `-`',
      );
    }
    const defaults = spec?.default;
    if (typeof defaults !== 'object') continue;
    for (const environment of Object.keys(defaults)) {
      if (environments.includes(environment)) continue;
      const place = nearest(profile, 'credentials', name, 'default', environment);
      problems.error('unknown_environment', place, `the profile has no environment "${environment}"`);
    }
  }
}

/** Checks the names under `inject`, which are templates as well. */
function checkNameTemplates(names: Node | undefined, problems: Problems): void {
  if (names?.kind !== 'map') return;
  for (const [name, place] of names.keys) {
    try {
      checkTemplate(name, false);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.add(error, place);
    }
  }
}

function checkCall(call: MapNode, problems: Problems): void {
  const [form, json] = [call.get('form'), call.get('json')];
  if (isPresent(form) && isPresent(json)) {
    problems.error(
      'invalid_value',
      json,
      'a token call has either `form` or `json`',
      'set the inherited one to null: `form: null`',
    );
  }
  const basic = find(call, 'auth', 'basic');
  if (basic?.kind === 'list' && basic.items.length !== 2) {
    problems.error(
      'invalid_value',
      basic,
      '`basic` takes a name and a password',
      'write [ "{{credentials.client_id}}", "{{credentials.client_secret}}" ]',
    );
  }
  checkHeaderNames(call.get('headers'), problems);
  checkJson(json, problems);
  checkSignatures(call.get('sign'), problems);
}

function checkSignatures(list: Node | undefined, problems: Problems, mayRefuse = false): void {
  if (list?.kind !== 'list') return;
  for (const entry of list.items) {
    checkConditions(find(entry, 'when'), problems);
    const refusal = find(entry, 'refuse');
    const signer = find(entry, 'signer');
    if (signer?.kind === 'scalar' && signer.text === 'http-message-signature') checkComponents(entry, problems);
    if (signer !== undefined) continue;
    if (isPresent(refusal)) checkRefusal(entry, refusal, mayRefuse, problems);
    else checkSignature(entry, problems);
  }
  checkOrder(list.items, problems);
  checkPlaces(list.items, problems);
}

/** Where the signature of an entry goes: one of `PLACES`, and a name. Undefined for an entry that has none. */
function placeOf(entry: Node): readonly [place: string, name: string] | undefined {
  const signer = find(entry, 'signer');
  if (signer?.kind === 'scalar') {
    const header = Object.hasOwn(SIGNER_HEADERS, signer.text) && SIGNER_HEADERS[signer.text as SignerName];
    return header ? ['header', header] : undefined;
  }
  const set = find(entry, 'set');
  const place = PLACES.find((one) => isPresent(find(set, one)));
  const name = place === undefined ? undefined : find(set, place);
  if (place === undefined || name?.kind !== 'scalar') return undefined;
  return [place, place === 'header' ? name.text.toLowerCase() : name.text];
}

/** Whether a template of an entry may read what stands in a place of the request. */
function reads(entry: Node, name: string): boolean {
  return ['text', 'key'].some((key) => {
    const node = find(entry, key);
    return node?.kind === 'scalar' && node.text.toLowerCase().includes(name.toLowerCase());
  });
}

/** Checks that no signature is for all requests and takes the place of one before it, which nothing would then have read. */
function checkPlaces(entries: readonly Node[], problems: Problems): void {
  const taken = new Set<string>();
  for (const entry of entries) {
    const place = placeOf(entry);
    if (place === undefined) continue;
    const key = place.join(' ');
    const isForAll = !isPresent(find(entry, 'when')) && !problems.isReported(entry);
    if (taken.has(key) && isForAll && !reads(entry, place[1])) {
      const help = 'say with `when` which requests it is for, or leave one of them out';
      problems.error('invalid_value', entry, 'this signature takes the place of one before it', help);
    }
    // An entry that wraps the body has done that, wherever its signature stands.
    if (!isPresent(find(entry, 'body'))) taken.add(key);
  }
}

/** Checks that nothing is put in behind a signer: the request that was signed would not be the one that is sent. */
function checkOrder(entries: readonly Node[], problems: Problems): void {
  const first = entries.findIndex((entry) => find(entry, 'signer') !== undefined);
  const late = first < 0 ? undefined : entries.slice(first).find((entry) => isPresent(find(entry, 'set')));
  if (late === undefined) return;
  problems.error(
    'invalid_value',
    late,
    'this signature is put in behind what a signer has signed',
    'move entries with a `signer` to the end of the list',
  );
}

/** The keys of a signature. An entry that refuses has none of them. */
const SIGNATURE_KEYS = ['body', 'text', 'algorithm', 'key', 'form', 'encode', 'case', 'set'];

function checkRefusal(entry: Node, refusal: Node, mayRefuse: boolean, problems: Problems): void {
  if (!mayRefuse) {
    problems.error('invalid_value', refusal, 'a token call is never refused', 'leave `refuse` out');
  }
  for (const key of SIGNATURE_KEYS) {
    const node = find(entry, key);
    if (!isPresent(node)) continue;
    problems.error('invalid_value', node, `an entry that refuses has no \`${key}\``, 'keep `when` and `refuse` alone');
  }
}

const MISSING: Readonly<Record<string, string>> = {
  text: 'add `text:`, what is signed',
  algorithm: 'add `algorithm: sha256`, or another one',
  set: 'add `set: { header: …, value: "{{signature}}" }`',
};

function checkSignature(entry: Node, problems: Problems): void {
  for (const [key, help] of Object.entries(MISSING)) {
    const node = find(entry, key);
    if (isPresent(node) || problems.isReported(node) || problems.isReported(entry)) continue;
    problems.error('missing_key', new ChildLocation(entry, key), `a signature needs \`${key}\``, help);
  }
  const set = find(entry, 'set');
  const places = PLACES.filter((place) => isPresent(find(set, place)));
  if (set?.kind === 'map' && places.length !== 1) {
    problems.error('invalid_value', set, '`set` names one place for the signature', `give one of ${PLACES.join(', ')}`);
  }
  const header = find(set, 'header');
  if (
    header?.kind === 'scalar' &&
    !header.isEmpty &&
    (!isToken(header.text) || isOurHeader(header.text.toLowerCase()))
  ) {
    problems.error('invalid_value', header, `"${header.text}" is not a header that can be set`);
  }
  checkCase(entry, problems);
}

/** Checks the `renew` part of a profile or of a provider. Reports `missing_key`. */
export function checkRenew(renew: Node | undefined, problems: Problems): void {
  const list = find(renew, 'on_body');
  for (const entry of list?.kind === 'list' ? list.items : []) {
    const [pointer, equals, all] = ['pointer', 'equals', 'all'].map((key) => find(entry, key));
    if (problems.isBrokenBelow(entry) || (all?.kind === 'list' && all.items.length > 0 && !pointer && !equals))
      continue;
    const missing = isPresent(pointer) ? (isPresent(equals) ? undefined : 'equals') : 'pointer';
    if (missing === undefined) continue;
    const help = 'write `pointer: /code` and `equals: [...]`, or `all:` with several of them';
    problems.error('missing_key', new ChildLocation(entry, missing), 'the rejection names no field of the body', help);
  }
}

/** Checks `case`. It is for hex only: in other encodings upper and lower case are different values. */
function checkCase(signature: Node, problems: Problems): void {
  const [encode, letters] = [find(signature, 'encode'), find(signature, 'case')];
  if (!isPresent(letters) || encode?.kind !== 'scalar' || encode.isEmpty || encode.text === 'hex') return;
  problems.error('invalid_value', letters, `\`case\` would make ${encode.text} another value`, 'leave `case` out');
}

function checkExpiry(profile: MapNode, data: ProfileData, problems: Problems): void {
  for (const [index, source] of (data.token?.read?.expiry ?? []).entries()) {
    if (source === undefined) continue;
    const at = nearest(profile, 'token', 'read', 'expiry', index);
    if (problems.isReported(at)) continue;
    const report = (message: string, help: string): void => problems.error('invalid_value', at, message, help);
    if ([source.at, source.in, source.jwt].filter((kind) => kind !== undefined).length !== 1) {
      const help = '`at`: a moment; `in`: a lifetime; `jwt`: a claim of the token itself';
      report('a source of the expiry has exactly one of `at`, `in` and `jwt`', help);
    } else if (source.since !== undefined && source.in !== undefined) {
      report('`since` goes with `at` and `jwt`', 'leave `since` out');
    } else if (source.jwt !== undefined && isPresent(find(at, 'unit'))) {
      report('a claim is in seconds', 'leave `unit` out');
    } else if (source.unit === 'iso' && source.at === undefined) {
      report('`iso` is a moment, not a lifetime', 'use it with `at`; with `in` write s or ms');
    }
  }
}

/** Checks pointers into a form: nothing in it is nested, so each names one field. Those beside `jwt` lead into the token. */
function checkFormPointers(read: Node | undefined, problems: Problems): void {
  const ways = ['access_token', 'token_type', 'refresh_token', 'error'].flatMap((key) => [[key], [key, 'pointer']]);
  const expiry = find(read, 'expiry');
  const count = expiry?.kind === 'list' ? expiry.items.length : 0;
  const sources = Array.from({ length: count }, (_, index) => ['expiry', index] as const).filter(
    (way) => !isPresent(find(read, ...way, 'jwt')),
  );
  for (const way of [...ways, ...sources.flatMap((source) => ['at', 'in', 'since'].map((key) => [...source, key]))]) {
    const node = find(read, ...way);
    if (node?.kind !== 'scalar' || !node.text.includes('/', 1)) continue;
    problems.error(
      'invalid_value',
      node,
      `"${node.text}" leads into a value, and a form has none in another`,
      'write /name',
    );
  }
}
