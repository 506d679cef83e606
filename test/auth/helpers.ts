import type { CredentialSource, ProviderConfig } from '../../src/config/config.ts';
import type {
  CredentialSpec,
  InjectSpec,
  Profile,
  RefusalSpec,
  RenewSpec,
  SignSpec,
  TextSignSpec,
  TokenCallSpec,
  TokenSpec,
} from '../../src/config/profile/profile.ts';
import { createEvents, type NoticeRecord, type RenewalRecord } from '../../src/core/events.ts';
import type { HttpAnswer } from '../../src/core/http.ts';
import type { Outbound } from '../../src/auth/authorizer.ts';
import { type AuthDeps, createProviderAuth, type ProviderAuth } from '../../src/auth/provider.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type FakeClock, fakeClock } from '../helpers/clock.ts';

export interface ProfileParts {
  readonly credentials?: Readonly<Record<string, Partial<CredentialSpec>>>;
  readonly token?: TokenSpec;
  readonly inject?: Partial<InjectSpec>;
  readonly sign?: readonly SignSpec[];
  readonly refusals?: readonly RefusalSpec[];
  readonly renew?: Partial<RenewSpec>;
  readonly values?: Readonly<Record<string, string>>;
  readonly jwt?: Profile['jwt'];
}

export const profileOf = (parts: ProfileParts): Profile => ({
  name: 'test',
  title: 'Test',
  environments: {},
  credentials: Object.fromEntries(
    Object.entries(parts.credentials ?? {}).map(([name, spec]) => [
      name,
      {
        secret: false,
        optional: false,
        default: undefined,
        empty: false,
        without: undefined,
        format: 'text',
        passphrase: undefined,
        ...spec,
      },
    ]),
  ),
  apiPaths: [],
  token: parts.token,
  inject: { headers: {}, query: {}, form: {}, json: {}, ...parts.inject },
  sign: parts.sign ?? [],
  refusals: parts.refusals ?? [],
  verify: [],
  renew: { onStatus: [401], onHeader: [], onBody: [], ahead: { share: 0.2 }, cooldownMs: 5_000, ...parts.renew },
  scope: { max: undefined, known: [] },
  values: parts.values ?? {},
  jwt: parts.jwt ?? {},
});

export const callOf = (parts: Partial<TokenCallSpec> = {}): TokenCallSpec => ({
  url: '{{endpoints.token}}',
  method: 'POST',
  headers: {},
  query: {},
  form: undefined,
  json: undefined,
  auth: undefined,
  sign: [],
  ...parts,
});

export const readOf = (parts: Partial<TokenSpec['read']> = {}): TokenSpec['read'] => ({
  format: 'json',
  accessToken: { pointer: '/access_token', default: undefined },
  tokenType: { pointer: '/token_type', default: 'Bearer' },
  refreshToken: { pointer: '/refresh_token', default: undefined },
  expiry: [{ in: '/expires_in', unit: 's' }],
  lifetimeDefaultMs: 600_000,
  error: { pointer: '/error', known: {} },
  ...parts,
});

export const signOf = (parts: Partial<TextSignSpec> & Pick<TextSignSpec, 'text' | 'set'>): TextSignSpec => ({
  when: {},
  body: undefined,
  algorithm: 'sha256',
  key: undefined,
  form: 'raw',
  encode: 'hex',
  case: undefined,
  ...parts,
});

/** Credentials that a test can change, as a changed secret file would. */
export interface TestCredentials extends CredentialSource {
  set(values: Readonly<Record<string, string>>): void;
}

export function credentialsOf(values: Readonly<Record<string, string>>): TestCredentials {
  const listeners = new Set<() => void>();
  const source = {
    current: { version: 1, values: new Map(Object.entries(values)) },
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(next: Readonly<Record<string, string>>) {
      source.current = { version: source.current.version + 1, values: new Map(Object.entries(next)) };
      for (const listener of listeners) listener();
    },
  };
  return source;
}

export const providerOf = (
  profile: Profile,
  credentials: CredentialSource = credentialsOf({}),
  parts: Partial<ProviderConfig> = {},
): ProviderConfig => ({
  name: 'test',
  profileName: profile.name,
  profile,
  environment: undefined,
  endpoints: {},
  credentials,
  oldCredentials: [],
  scope: [],
  ...parts,
});

export interface Bench {
  readonly auth: ProviderAuth;
  readonly clock: FakeClock;
  readonly renewals: RenewalRecord[];
  readonly notices: NoticeRecord[];
}

/** A provider's credentials, with nothing but what the test hands in. */
export function benchOf(
  provider: ProviderConfig,
  deps: Omit<Partial<AuthDeps>, 'clock'> & { readonly clock?: FakeClock } = {},
): Bench {
  const clock = deps.clock ?? fakeClock();
  const events = deps.events ?? createEvents();
  const renewals: RenewalRecord[] = [];
  const notices: NoticeRecord[] = [];
  events.on('renewal', (record) => renewals.push(record));
  events.on('notice', (record) => notices.push(record));
  const auth = createProviderAuth(provider, {
    endpoints: provider.endpoints,
    store: createMemoryStore(clock),
    events,
    http: () => Promise.reject(new Error('no network in this test')),
    tokenTimeoutMs: 10_000,
    maxWaiting: 1_000,
    random: () => 0,
    ...deps,
    clock,
  });
  return { auth, clock, renewals, notices };
}

export const outbound = (parts: Partial<Omit<Outbound, 'body'>> & { body?: string | Uint8Array } = {}): Outbound => ({
  method: 'GET',
  target: '/',
  headers: [],
  ...parts,
  body: parts.body === undefined ? null : Buffer.from(parts.body),
});

export const jsonAnswer = (json: unknown, status = 200, headers: readonly string[] = []): HttpAnswer => ({
  status,
  headers: ['Content-Type', 'application/json', ...headers],
  body: Buffer.from(JSON.stringify(json)),
});

export const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();
