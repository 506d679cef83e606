import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { startCli } from '../contract/cli.ts';
import type { CliProcess } from '../contract/cli.ts';
import { tokenYaml } from '../contract/given.ts';
import { readBook } from './book.ts';
import type { Row } from './book.ts';
import { startProvider } from './process.ts';
import type { Provider, ProviderOptions } from './process.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

export interface GivenProvider extends Provider {
  /** What it has written down. */
  readonly rows: () => readonly Row[];
}

/** A provider with an empty ledger; it ends with the test. */
export async function givenProvider(
  t: ExecutionContext,
  options: Omit<ProviderOptions, 'file'>,
): Promise<GivenProvider> {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'rows');
  const provider = await startProvider({ ...options, file });
  t.teardown(() => provider.stop());
  return { ...provider, rows: () => readBook(file) };
}

/** The config of a proxy before that provider. */
export interface Variant {
  readonly client?: string;
  readonly connectMs?: number;
  readonly responseMs?: number;
  /** YAML lines of the route. */
  readonly route?: string;
  /** Top-level YAML lines. */
  readonly extra?: string;
}

/** Kept in memory up to here, so that large bodies are spooled. */
const MEMORY = '16KiB';

export const yamlOf = (
  { origin, tokenOrigin }: Provider,
  {
    client = 'shop',
    connectMs = 2_000,
    responseMs = 1_000,
    route = '',
    extra = 'log: { format: json, access: false }',
  }: Variant = {},
): string =>
  tokenYaml(origin, `${tokenOrigin}/token`, {
    renew: '{ cooldown: 20ms }',
    route,
    extra: `
${extra}
replay: { memory: ${MEMORY} }
timeouts: { connect: ${connectMs}ms, response: ${responseMs}ms, idle: 1s, token: 2s, lame_duck: 0ms }`,
  }).replace('client_id: me', `client_id: ${client}`);

export const startProxy = (t: ExecutionContext, provider: Provider): Promise<CliProcess> =>
  startCli(t, yamlOf(provider));
