import type {
  BodyRejection,
  ExpirySpec,
  FieldCondition,
  FieldMap,
  JsonTemplate,
  JwtSpec,
  Profile,
  ProgramSpec,
  ReadSpec,
  ReceivedPlace,
  RenewSpec,
  SignPlace,
  SignSpec,
  TokenCallSpec,
  TokenSpec,
  VerifySpec,
  WhenSpec,
} from './profile.ts';
import { soundsSecret } from '../diagnostics/hide.ts';
import { CONDITION_PLACES, RECEIVED_PLACES } from './schema.ts';
import type { JwtData, ProfileData, ReadingData, SignData, TextSignData, TokenCallData, VerifyData } from './schema.ts';
import { soleCredential } from '../template/template.ts';
import type { Node } from '../yaml/tree.ts';

const LIFETIME_DEFAULT_MS = 600_000;
const RENEW: RenewSpec = { onStatus: [401], onHeader: [], onBody: [], ahead: { share: 0.2 }, cooldownMs: 5_000 };

/** The entries that have a value, in their order. */
function present<T>(record: Readonly<Record<string, T | undefined>> | undefined): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record ?? {}).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}

/** The parts that the entries of a provider are checked against. They exist even if the rest of the profile is wrong. */
export type Declarations = Pick<Profile, 'environments' | 'credentials' | 'scope'>;

/** Makes the declarations of a profile's data, which may hold mistakes. */
export function buildDeclarations(data: ProfileData): Declarations {
  const environments = Object.entries(present(data.environments)).map(([name, urls]) => [name, present(urls)] as const);
  const credentials = Object.entries(present(data.credentials)).map(([name, spec]) => {
    const { description, secret, optional, default: given, empty, without, format } = spec;
    const defaults = typeof given === 'object' ? present(given) : given;
    const passphrase = spec.passphrase === undefined ? undefined : soleCredential(spec.passphrase);
    return [name, { description, secret, optional, default: defaults, empty, without, format, passphrase }] as const;
  });
  return {
    environments: Object.fromEntries(environments),
    credentials: Object.fromEntries(credentials),
    scope: { max: data.scope?.max, known: data.scope?.known ?? [] },
  };
}

/** Makes the profile that the rest of the program uses, with its defaults filled in. The data must be free of errors. */
export function buildProfile(name: string, data: ProfileData): Profile {
  return {
    name,
    title: data.title ?? name,
    ...buildDeclarations(data),
    apiPaths: [...new Set(data.api_paths)],
    token: data.token ? buildToken(data.token) : undefined,
    inject: {
      headers: present(data.inject?.headers),
      query: present(data.inject?.query),
      form: present(data.inject?.form),
      json: present(data.inject?.json),
    },
    sign: (data.sign ?? []).filter((entry) => refusalOf(entry) === undefined).map(buildSign),
    refusals: (data.sign ?? []).flatMap((entry) => {
      const detail = refusalOf(entry);
      return detail === undefined ? [] : [{ when: buildWhen(entry.when), detail }];
    }),
    verify: (data.verify ?? []).map(buildVerify),
    renew: buildRenew(data.renew),
    values: present(data.values),
    jwt: mapValues(present(data.jwt), buildJwt),
  };
}

const refusalOf = (entry: SignData): string | undefined => ('refuse' in entry ? entry.refuse : undefined);

/** Lays a `renew` part over the defaults, or over `base`. */
export function buildRenew(data: ProfileData['renew'], base: RenewSpec = RENEW): RenewSpec {
  return {
    onStatus: data?.on_status ?? base.onStatus,
    onHeader: data?.on_header ?? base.onHeader,
    onBody: data?.on_body?.map(buildBodyRejection) ?? base.onBody,
    ahead: data?.ahead ?? base.ahead,
    cooldownMs: data?.cooldown ?? base.cooldownMs,
  };
}

type BodyRejectionData = NonNullable<NonNullable<ProfileData['renew']>['on_body']>[number];

function buildBodyRejection({ status, pointer, equals = [], all = [] }: BodyRejectionData): BodyRejection {
  return { status, all: pointer === undefined ? all : [{ pointer, equals }, ...all] };
}

function buildSign(data: SignData): SignSpec {
  const when = buildWhen(data.when);
  return 'signer' in data ? { ...data, when } : buildTextSign(data, when);
}

function buildTextSign(data: TextSignData, when: WhenSpec): SignSpec {
  const { header, query, form, json, value = '' } = data.set ?? {};
  let set: SignPlace = { header: header ?? '', value };
  if (query !== undefined) set = { query, value };
  else if (form !== undefined) set = { form, value };
  else if (json !== undefined) set = { json, value };
  return {
    when,
    body: data.body,
    text: data.text ?? '',
    algorithm: data.algorithm ?? 'sha256',
    key: data.key,
    form: data.form,
    encode: data.encode,
    case: data.case,
    set,
  };
}

function buildVerify(data: VerifyData): VerifySpec {
  const { body, parts, text, algorithm, key, form, encode, equals, timestamp, id, require, separator } = data;
  return {
    when: buildWhen(data.when),
    unwrap: body?.field,
    parts,
    text: text ?? '',
    algorithm: algorithm ?? 'sha256',
    key,
    form,
    encode,
    equals: [equals ?? []].flat().map((place) => ({ ...buildPlace(place), value: place.value })),
    timestamp: timestamp && { ...buildPlace(timestamp), unit: timestamp.unit, toleranceMs: timestamp.tolerance },
    id,
    require: (require ?? []).map((field) => ({ ...buildPlace(field), equals: field.equals })),
    separator: separator && { text: separator.text, allowedIn: separator.allowed_in ?? [] },
  };
}

function buildPlace(data: { readonly [K in ReceivedPlace['place']]?: string | undefined }): ReceivedPlace {
  const place = RECEIVED_PLACES.find((known) => data[known] !== undefined) ?? 'header';
  const name = data[place] ?? '';
  return { place, name: place === 'header' ? name.toLowerCase() : name };
}

function buildJwt(data: JwtData): JwtSpec {
  return {
    algorithm: data.algorithm ?? 'RS256',
    key: data.key ?? '',
    header: mapValues(data.header ?? {}, jsonOf),
    claims: mapValues(data.claims ?? {}, jsonOf),
    reuseMs: data.reuse,
  };
}

function buildWhen({ methods, path, ...places }: SignData['when']): WhenSpec {
  const fields = CONDITION_PLACES.flatMap((place) =>
    Object.entries(present(places[place])).map(([name, condition]): FieldCondition => {
      const known = place === 'headers' ? name.toLowerCase() : name;
      return { place, name: known, wanted: buildCondition(condition) };
    }),
  );
  return {
    ...(methods === undefined ? {} : { methods }),
    ...(path === undefined ? {} : { path }),
    ...(fields.length === 0 ? {} : { fields }),
  };
}

type ConditionData = NonNullable<NonNullable<SignData['when']['form']>[string]>;

function buildCondition(condition: ConditionData): FieldCondition['wanted'] {
  if (condition === 'present' || condition === 'absent') return condition;
  if (typeof condition === 'string') return { texts: [condition], isAny: true };
  return 'not' in condition ? { texts: condition.not, isAny: false } : { texts: condition, isAny: true };
}

type TokenData = NonNullable<ProfileData['token']>;

function buildToken(data: TokenData): TokenSpec {
  const program = buildProgram(data);
  const fetch = program ? undefined : buildCall(data.fetch ?? {}, undefined);
  return {
    subject: data.subject,
    fetch,
    ...(program && { program }),
    refresh: data.refresh ? buildCall(data.refresh, fetch) : undefined,
    hasRefreshToken: data.refresh !== undefined || data.read?.refresh_token !== undefined,
    placeholder: data.placeholder && mapValues(data.placeholder, jsonOf),
    read: {
      format: data.read?.format ?? 'json',
      accessToken: buildReading(data.read?.access_token, { pointer: '/access_token', default: undefined }),
      tokenType: buildReading(data.read?.token_type, { pointer: '/token_type', default: 'Bearer' }),
      refreshToken: buildReading(data.read?.refresh_token, { pointer: '/refresh_token', default: undefined }),
      expiry: (data.read?.expiry ?? [{ in: '/expires_in', unit: 's' as const }]).map(buildExpiry),
      lifetimeDefaultMs: data.read?.lifetime_default ?? LIFETIME_DEFAULT_MS,
      error: buildError(data.read?.error),
    },
  };
}

function buildProgram({ command = [], env, timeout }: TokenData): ProgramSpec | undefined {
  if (command.length === 0) return undefined;
  const variables = Object.entries(present(env)).map(([name, { value, isSecret }]) => {
    return [name, { value, isSecret: isSecret || (soundsSecret(name) && !value.includes('{{')) }] as const;
  });
  return { command, env: Object.fromEntries(variables), timeoutMs: timeout };
}

/**
 * Makes a token call. What it leaves out is taken from `base`. A body of its own replaces that of `base`, whatever its format.
 */
function buildCall(data: TokenCallData, base: TokenCallSpec | undefined): TokenCallSpec {
  const [user, password] = data.auth?.basic ?? [];
  const form: FieldMap | undefined = data.form && present(data.form);
  const json = data.json && jsonOf(data.json);
  const hasBody = form !== undefined || json !== undefined;
  return {
    url: data.url ?? base?.url ?? '',
    method: data.method ?? base?.method ?? 'POST',
    headers: data.headers ? present(data.headers) : (base?.headers ?? {}),
    query: data.query ? present(data.query) : (base?.query ?? {}),
    form: hasBody ? form : base?.form,
    json: hasBody ? json : base?.json,
    auth: data.auth ? { basic: [user ?? '', password ?? ''] } : base?.auth,
    sign: data.sign ? data.sign.map(buildSign) : (base?.sign ?? []),
  };
}

const mapValues = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** Whether an item is left out: as in any list, an item that is nothing but `${VAR:-}` may be empty. */
const isNothing = (item: Node): boolean => item.kind === 'scalar' && item.isEmpty && item.mayBeNothing;

function jsonOf(node: Node): JsonTemplate {
  if (node.kind === 'list') return node.items.filter((item) => !isNothing(item)).map(jsonOf);
  if (node.kind === 'map') return Object.fromEntries([...node.entries].map(([key, value]) => [key, jsonOf(value)]));
  return node.value;
}

function buildReading(data: ReadingData | undefined, absent: ReadSpec): ReadSpec {
  if (data === undefined) return absent;
  return typeof data === 'string'
    ? { pointer: data, default: undefined }
    : { pointer: data.pointer, default: data.default };
}

type ReadData = NonNullable<TokenData['read']>;

function buildExpiry({ at, jwt, since, unit, ...data }: NonNullable<ReadData['expiry']>[number]): ExpirySpec {
  if (at !== undefined) return { at, since, unit };
  if (jwt !== undefined) return { jwt, since };
  return { in: data.in ?? '', unit: unit === 'ms' ? 'ms' : 's' };
}

/** Makes the map of error codes. A code in a list means itself. */
function buildError(data: ReadData['error']): TokenSpec['read']['error'] {
  const { pointer = '/error', known = [] } = data ?? {};
  return {
    pointer,
    known: Array.isArray(known) ? Object.fromEntries(known.map((code) => [code, code])) : present(known),
  };
}
