import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { namesIn } from './read-names.ts';
import { find, type MapNode, type Node, type Location, type ScalarNode } from '../yaml/tree.ts';

/** What a template may name at its place. Endpoints, `scope`, `now`, `uuid` and values are allowed everywhere. */
interface Context {
  /** False in what a caller gets to see. */
  readonly credentials: boolean;
  /** `subject`: only if the token has a `subject`. A token for all requests can't depend on one of them. */
  readonly request: 'yes' | 'subject' | 'no';
  readonly token: 'all' | 'subject' | 'no';
  readonly signature: boolean;
  /** In `verify`: which names of a callback there are besides `request`. */
  readonly received?: { readonly inner: boolean; readonly parts: boolean; readonly isAny?: true };
}

const SUBJECT: Context = { credentials: true, request: 'yes', token: 'no', signature: false };
const FETCH: Context = { credentials: true, request: 'subject', token: 'subject', signature: false };
const REFRESH: Context = { credentials: true, request: 'subject', token: 'all', signature: false };
const REQUEST: Context = { credentials: true, request: 'yes', token: 'all', signature: false };
/** Here `token` is the placeholder and not the real token. */
const PLACEHOLDER: Context = { credentials: false, request: 'no', token: 'all', signature: false };
const withRequest = (context: Context): Context => ({ ...context, request: 'yes' });
const withSignature = (context: Context): Context => ({ ...context, signature: true });

const CALL_FIELDS = ['url', 'headers', 'query', 'form', 'json', 'auth'];
const SIGN_FIELDS = [['text'], ['key'], ...['header', 'query', 'form', 'json'].map((place) => ['set', place])];
/** The parts of `inject`. Their names are templates too: the operator names the header that gets an API key. */
const PLACES = ['headers', 'query', 'form', 'json'];

/** A template, its place, and what it may name there. */
interface Site {
  readonly text: string;
  readonly place: Location;
  readonly context: Context;
}

/** Every template of a profile, except for its `values` and the defaults of its credentials. */
function* sites(profile: MapNode): Generator<Site> {
  yield* under(find(profile, 'token', 'subject'), SUBJECT);
  for (const [call, context] of [
    ['fetch', FETCH],
    ['refresh', REFRESH],
  ] as const) {
    for (const field of CALL_FIELDS) yield* under(find(profile, 'token', call, field), context);
    // In these signatures `request` is the token call itself.
    yield* signatures(find(profile, 'token', call, 'sign'), withRequest(context));
  }
  yield* under(find(profile, 'token', 'placeholder'), PLACEHOLDER);
  yield* under(find(profile, 'inject'), REQUEST);
  for (const place of PLACES) yield* keysOf(find(profile, 'inject', place), REQUEST);
  yield* signatures(find(profile, 'sign'), REQUEST);
  yield* verifications(find(profile, 'verify'));
}

const VERIFY_FIELDS = [['text'], ['key'], ['require']];
const WITH_SIGNATURE = [['id'], ['equals']];

function* verifications(list: Node | undefined): Generator<Site> {
  if (list?.kind !== 'list') return;
  for (const entry of list.items) {
    const received = { inner: find(entry, 'body') !== undefined, parts: find(entry, 'parts') !== undefined };
    const context: Context = { ...SUBJECT, received };
    for (const way of VERIFY_FIELDS) yield* under(find(entry, ...way), context);
    for (const way of WITH_SIGNATURE) yield* under(find(entry, ...way), withSignature(context));
  }
}

function* signatures(list: Node | undefined, context: Context): Generator<Site> {
  if (list?.kind !== 'list') return;
  for (const entry of list.items) {
    for (const way of SIGN_FIELDS) yield* under(find(entry, ...way), context);
    yield* under(find(entry, 'set', 'value'), withSignature(context));
  }
}

function* under(node: Node | undefined, context: Context): Generator<Site> {
  if (node?.kind === 'scalar') yield { text: node.text, place: node, context };
  else if (node?.kind === 'list') for (const item of node.items) yield* under(item, context);
  else if (node?.kind === 'map') for (const value of node.entries.values()) yield* under(value, context);
}

function* keysOf(node: Node | undefined, context: Context): Generator<Site> {
  if (node?.kind === 'map') for (const [text, place] of node.keys) yield { text, place, context };
}

/** What stands before the name of a value in a template. */
const VALUES = 'values.';

/** What a profile declares, so that templates may name it. */
export interface Declared {
  readonly credentials: readonly string[];
  readonly endpoints: readonly string[];
  readonly hasToken: boolean;
  readonly hasSubject: boolean;
}

/**
 * Checks that every template names only what is known at its place.
 * Reports `unknown_template_name` and `template_cycle`.
 * Returns the names of the endpoints that the templates use.
 */
export function checkTemplates(profile: MapNode, declared: Declared, problems: Problems): ReadonlySet<string> {
  const endpoints = new Set<string>();
  const values = valuesOf(profile, problems);
  const known = { ...declared, values: [...values.keys()] };
  const anywhere: Context = { ...withRequest(REFRESH), received: { inner: true, parts: true, isAny: true } };
  for (const [name, { node }] of values)
    checkNames(namesIn(node.text), node, anywhere, known, problems, `${VALUES}${name}`);
  for (const { text, place, context } of sites(profile)) {
    const names = namesIn(text);
    const inner = names.flatMap(
      (name) => (name.startsWith(VALUES) && values.get(name.slice(VALUES.length))?.names) || [],
    );
    const isFine = checkNames(names, place, context, known, problems);
    if (isFine) checkNames(inner, place, context, known, problems);
    for (const name of [...names, ...inner]) if (name.startsWith('endpoints.')) endpoints.add(name.slice(10));
  }
  checkDefaults(profile, known, problems);
  return endpoints;
}

interface Value {
  readonly node: ScalarNode;
  /** The names that the value uses, also through other values. */
  names: readonly string[];
}

function valuesOf(profile: MapNode, problems: Problems): Map<string, Value> {
  const values = new Map<string, Value>();
  const node = profile.get('values');
  if (node?.kind !== 'map') return values;
  for (const [name, value] of node.entries) {
    if (value.kind === 'scalar' && value.value !== null) values.set(name, { node: value, names: namesIn(value.text) });
  }
  const follow = follower(VALUES, (name) => values.get(name)?.names);
  for (const [name, value] of values) {
    const reached = follow(name);
    if (reached === undefined) {
      problems.error(
        'template_cycle',
        value.node,
        `the value "${name}" depends on itself`,
        'write out what it stands for',
      );
    }
    value.names = (reached ?? []).filter((inner) => !inner.startsWith(VALUES));
  }
  return values;
}

/**
 * Makes a function that collects all names that a name leads to. It yields undefined when they lead back to the name itself.
 */
function follower(prefix: string, namesOf: (name: string) => readonly string[] | undefined) {
  return (start: string): string[] | undefined => {
    const reached = new Set<string>();
    const open = [...(namesOf(start) ?? [])];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (name === prefix + start) return undefined;
      if (reached.has(name)) continue;
      reached.add(name);
      if (name.startsWith(prefix)) open.push(...(namesOf(name.slice(prefix.length)) ?? []));
    }
    return [...reached];
  };
}

type Known = Declared & { readonly values: readonly string[] };

function checkNames(
  names: readonly string[],
  place: Location,
  context: Context,
  known: Known,
  problems: Problems,
  self?: string,
): boolean {
  for (const name of names) {
    if (name === self) continue;
    const [complaint, help] = complaintAbout(name, context, known) ?? [];
    if (complaint === undefined) continue;
    problems.error('unknown_template_name', place, complaint, help);
    return false;
  }
  return true;
}

const LISTS = { credentials: 'credentials', endpoints: 'endpoints', values: 'values' } as const;

function complaintAbout(name: string, context: Context, known: Known): [string, string?] | undefined {
  const dot = name.indexOf('.');
  const head = dot < 0 ? name : name.slice(0, dot);
  const rest = dot < 0 ? '' : name.slice(dot + 1);
  if (head === 'credentials' && !context.credentials) {
    return [`"${name}" is not known here: what callers get holds no credential`];
  }
  if (Object.hasOwn(LISTS, head)) {
    const list = known[LISTS[head as keyof typeof LISTS]];
    if (list.includes(rest)) return undefined;
    return [`the profile has nothing called "${name}"`, didYouMean(rest, list, head)];
  }
  if (head === 'signature' && !context.signature) {
    return ['`signature` is known only in `set.value` of a signature, and in `equals.value` and `id` of `verify`'];
  }
  if (head === 'inner' || head === 'parts') return complaintAboutReceived(name, head, context);
  if (context.received && !context.received.isAny && (head === 'now' || head === 'uuid')) {
    return [`"${name}" is not known here: a provider signed the callback before it came`];
  }
  if (head === 'token') return complaintAboutToken(name, context, known);
  if (head === 'request' && (context.request === 'no' || (context.request === 'subject' && !known.hasSubject))) {
    return [
      `"${name}" is not known here: a token that many requests share can't depend on one of them`,
      'give the token a `subject`, or take the value from a credential',
    ];
  }
  return undefined;
}

const RECEIVED_HELP = {
  inner: 'add `body: { unwrap: base64, field: … }` to the entry of `verify`',
  parts: 'add `parts: { of: …, separator: …, pair: … }` to the entry of `verify`',
};

function complaintAboutReceived(
  name: string,
  head: 'inner' | 'parts',
  { received }: Context,
): [string, string?] | undefined {
  if (!received) return [`"${name}" is known only in \`verify\``];
  return received[head]
    ? undefined
    : [`"${name}" is not known: the entry has nothing of that kind`, RECEIVED_HELP[head]];
}

function complaintAboutToken(name: string, context: Context, known: Known): [string, string?] | undefined {
  if (!known.hasToken) return [`"${name}" is not known: the profile has no \`token\``];
  if (name === 'token.subject') {
    if (!known.hasSubject) return ['the token has no `subject`', 'add `token.subject`'];
    return context.token === 'no' ? ['"token.subject" is not known here'] : undefined;
  }
  return context.token === 'all' ? undefined : [`"${name}" is not known here: there is no token yet`];
}

/** Checks the defaults of credentials. A default may be made of other credentials, but not of itself. */
function checkDefaults(profile: MapNode, known: Known, problems: Problems): void {
  const specs = profile.get('credentials');
  if (specs?.kind !== 'map') return;
  const texts = (name: string): Site[] => [...under(find(specs, name, 'default'), SUBJECT)];
  const follow = follower('credentials.', (name) => texts(name).flatMap(({ text }) => namesIn(text)));
  for (const name of specs.entries.keys()) {
    const defaults = texts(name);
    for (const { text, place } of defaults) {
      const names = namesIn(text);
      const other = names.find((inner) => !inner.startsWith('credentials.'));
      const help = 'a default is made of credentials';
      if (other === undefined) checkNames(names, place, SUBJECT, known, problems);
      else problems.error('unknown_template_name', place, `"${other}" is not known here`, help);
    }
    if (defaults[0] !== undefined && follow(name) === undefined) {
      const help = 'give one of them a value';
      problems.error('template_cycle', defaults[0].place, `the default of "${name}" depends on itself`, help);
    }
  }
}
