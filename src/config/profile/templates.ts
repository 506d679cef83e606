import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { namesIn } from './read-names.ts';
import { find, type MapNode, type Node, type Location } from '../yaml/tree.ts';

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
  /** Whether the template is that of a key. Nothing else may hold a private key. */
  readonly isKey?: boolean;
}

const SUBJECT: Context = { credentials: true, request: 'yes', token: 'no', signature: false };
const FETCH: Context = { credentials: true, request: 'subject', token: 'subject', signature: false };
const REFRESH: Context = { credentials: true, request: 'subject', token: 'all', signature: false };
const REQUEST: Context = { credentials: true, request: 'yes', token: 'all', signature: false };
/** Every user of the machine sees arguments, and no caller decides what runs. */
const COMMAND: Context = { credentials: true, request: 'no', token: 'no', signature: false };
/** Here `token` is the placeholder and not the real token. */
const PLACEHOLDER: Context = { credentials: false, request: 'no', token: 'all', signature: false };
const withRequest = (context: Context): Context => ({ ...context, request: 'yes' });
const withSignature = (context: Context): Context => ({ ...context, signature: true });
const asKey = (context: Context): Context => ({ ...context, isKey: true });
/** For what is named elsewhere. It is checked again, with the place that names it. */
const ANYWHERE: Context = { ...withRequest(REFRESH), received: { inner: true, parts: true, isAny: true } };

const CALL_FIELDS = ['url', 'headers', 'query', 'form', 'json', 'auth'];
/** The keys of a signature that hold no template. */
const NO_TEMPLATES: ReadonlySet<string> = new Set(['when', 'signer']);
const SIGN_FIELDS = [['text'], ...['header', 'query', 'form', 'json'].map((place) => ['set', place])];
/** The parts of `inject`. Their names are templates too: the operator names the header that gets an API key. */
const PLACES = ['headers', 'query', 'form', 'json'];

/** A template, its place, and what it may name there. */
interface Site {
  readonly text: string;
  readonly place: Location;
  readonly context: Context;
}

/** Every template of a profile, except for its `values`, its JWTs and the defaults of its credentials. */
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
  yield* under(find(profile, 'token', 'command'), COMMAND);
  yield* under(find(profile, 'token', 'env'), FETCH);
  yield* under(find(profile, 'token', 'placeholder'), PLACEHOLDER);
  yield* under(find(profile, 'inject'), REQUEST);
  for (const place of PLACES) yield* keysOf(find(profile, 'inject', place), REQUEST);
  yield* signatures(find(profile, 'sign'), REQUEST);
  yield* verifications(find(profile, 'verify'));
}

const VERIFY_FIELDS = [['text'], ['require']];
const WITH_SIGNATURE = [['id'], ['equals']];

function* verifications(list: Node | undefined): Generator<Site> {
  if (list?.kind !== 'list') return;
  for (const entry of list.items) {
    const received = { inner: find(entry, 'body') !== undefined, parts: find(entry, 'parts') !== undefined };
    const context: Context = { ...SUBJECT, received };
    for (const way of VERIFY_FIELDS) yield* under(find(entry, ...way), context);
    yield* under(find(entry, 'key'), asKey(context));
    for (const way of WITH_SIGNATURE) yield* under(find(entry, ...way), withSignature(context));
  }
}

function* signatures(list: Node | undefined, context: Context): Generator<Site> {
  if (list?.kind !== 'list') return;
  for (const entry of list.items) {
    if (entry.kind === 'map' && entry.get('signer') !== undefined) {
      for (const [key, value] of entry.entries) {
        if (!NO_TEMPLATES.has(key)) yield* under(value, key === 'key' ? asKey(context) : context);
      }
      continue;
    }
    for (const way of SIGN_FIELDS) yield* under(find(entry, ...way), context);
    yield* under(find(entry, 'key'), asKey(context));
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

/** What a profile declares, so that templates may name it. */
export interface Declared {
  readonly credentials: readonly string[];
  /** The credentials that are private keys. */
  readonly privateKeys: ReadonlySet<string>;
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
  const named = namedTexts(profile, problems);
  const namesOf = (family: string): string[] =>
    [...named.keys()].filter((name) => name.startsWith(family)).map((name) => name.slice(family.length));
  const known = { ...declared, values: namesOf('values.'), jwt: namesOf('jwt.') };
  for (const [self, { sites: inside }] of named) {
    for (const { text, place, context } of inside) checkNames(namesIn(text), place, context, known, problems, self);
  }
  for (const { text, place, context } of sites(profile)) {
    const names = namesIn(text);
    const inner = names.flatMap((name) => named.get(name)?.names ?? []);
    const isFine = checkNames(names, place, context, known, problems);
    // A private key in a JWT signs it there. It was checked with the JWT.
    if (isFine) checkNames(inner, place, asKey(context), known, problems);
    for (const name of [...names, ...inner]) if (name.startsWith('endpoints.')) endpoints.add(name.slice(10));
  }
  checkDefaults(profile, known, problems);
  return endpoints;
}

/** A value or a JWT, which templates name. */
interface NamedText {
  readonly sites: readonly Site[];
  /** All names that it leads to, but those of other values and JWTs. */
  readonly names: readonly string[];
}

/** The values and JWTs of a profile, by their full names: `values.pair`, `jwt.assertion`. Reports `template_cycle`. */
function namedTexts(profile: MapNode, problems: Problems): Map<string, NamedText> {
  const all = new Map<string, readonly Site[]>();
  for (const [name, value] of entriesOf(find(profile, 'values'))) {
    if (value.kind === 'scalar' && value.value !== null) all.set(`values.${name}`, [...under(value, ANYWHERE)]);
  }
  for (const [name, jwt] of entriesOf(find(profile, 'jwt'))) {
    if (jwt.kind !== 'map') continue;
    const members = ['header', 'claims'].flatMap((part) => [...under(jwt.get(part), ANYWHERE)]);
    all.set(`jwt.${name}`, [...members, ...under(jwt.get('key'), asKey(ANYWHERE))]);
  }
  // Each list is replaced by all that its name leads to. So a circle is reported once, where it is found first.
  const links = new Map([...all].map(([full, inside]) => [full, inside.flatMap(({ text }) => namesIn(text))]));
  const follow = follower((name) => links.get(name));
  for (const [full, inside] of all) {
    const reached = follow(full);
    const [family, name = ''] = full.split('.');
    const [first] = inside;
    if (reached === undefined && first !== undefined) {
      const what = `the ${family === 'jwt' ? 'JWT' : 'value'} "${name}" depends on itself`;
      problems.error('template_cycle', first.place, what, 'write out what it stands for');
    }
    if (family === 'jwt') checkReuse(find(profile, 'jwt', name), reached ?? [], problems);
    links.set(
      full,
      (reached ?? []).filter((each) => !all.has(each)),
    );
  }
  return new Map([...all].map(([full, inside]) => [full, { sites: inside, names: links.get(full) ?? [] }]));
}

/** Checks that a JWT for several requests depends on none of them. Reports `invalid_value`. */
function checkReuse(jwt: Node | undefined, names: readonly string[], problems: Problems): void {
  const reuse = find(jwt, 'reuse');
  const fleeting = names.find((name) => /^(?:request|token)\./.test(name));
  if (reuse?.kind !== 'scalar' || reuse.isEmpty || fleeting === undefined) return;
  const help = 'leave `reuse` out: each attempt then gets a new one';
  problems.error('invalid_value', reuse, `a JWT that is used again can't depend on "${fleeting}"`, help);
}

const entriesOf = (node: Node | undefined): Iterable<[string, Node]> => (node?.kind === 'map' ? node.entries : []);

/**
 * Makes a function that collects all names that a name leads to. It yields undefined when they lead back to the name itself.
 */
function follower(namesOf: (name: string) => readonly string[] | undefined) {
  return (start: string): string[] | undefined => {
    const reached = new Set<string>();
    const open = [...(namesOf(start) ?? [])];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (name === start) return undefined;
      if (reached.has(name)) continue;
      reached.add(name);
      open.push(...(namesOf(name) ?? []));
    }
    return [...reached];
  };
}

type Known = Declared & { readonly values: readonly string[]; readonly jwt: readonly string[] };

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

const LISTS = { credentials: 'credentials', endpoints: 'endpoints', values: 'values', jwt: 'jwt' } as const;

function complaintAbout(name: string, context: Context, known: Known): [string, string?] | undefined {
  const dot = name.indexOf('.');
  const head = dot < 0 ? name : name.slice(0, dot);
  const rest = dot < 0 ? '' : name.slice(dot + 1);
  if (head === 'credentials' && !context.credentials) {
    return [`"${name}" is not known here: what callers get holds no credential`];
  }
  if (head === 'jwt' && !context.credentials) return [`"${name}" is not known here: what callers get is not signed`];
  if (head === 'credentials' && known.privateKeys.has(rest) && !context.isKey) {
    return [`"${name}" is a private key, and would be sent`, 'name it with `key:` alone'];
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
  if (context.received && !context.received.isAny && ['now', 'uuid', 'jwt'].includes(head)) {
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
  const family = 'credentials.';
  const follow = follower((name) =>
    name.startsWith(family) ? texts(name.slice(family.length)).flatMap(({ text }) => namesIn(text)) : undefined,
  );
  for (const name of specs.entries.keys()) {
    const defaults = texts(name);
    for (const { text, place } of defaults) {
      const names = namesIn(text);
      const other = names.find((inner) => !/^(?:credentials|endpoints)\./.test(inner));
      const help = 'a default is made of credentials and endpoints';
      if (other === undefined) checkNames(names, place, SUBJECT, known, problems);
      else problems.error('unknown_template_name', place, `"${other}" is not known here`, help);
    }
    if (defaults[0] !== undefined && follow(family + name) === undefined) {
      const help = 'give one of them a value';
      problems.error('template_cycle', defaults[0].place, `the default of "${name}" depends on itself`, help);
    }
  }
}
