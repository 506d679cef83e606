import type { ExecutionContext } from 'ava';
import type { ProviderConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createClient } from '../../src/proxy/client.ts';
import { ReadScheduler } from '../../src/http1/read-scheduler.ts';
import { createUpstream } from '../../src/proxy/upstream.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startTokenEndpoint, type TokenEndpoint, type TokenScript } from '../helpers/token-endpoint.ts';
import { type Bench, benchOf } from './helpers.ts';

/** The one provider of a config, which must be without errors. */
export function parseProvider(yaml: string): ProviderConfig {
  const { config, diagnostics } = parseConfig(yaml, '/test/proxy.config.yaml', { env: {} });
  const [provider] = config?.providers.values() ?? [];
  if (!provider) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  return provider;
}

/** The provider of `yaml`, where `TOKEN_ORIGIN` stands for a real server that answers by `script`. */
export async function startProvider(
  t: ExecutionContext,
  yaml: string,
  script: TokenScript,
): Promise<Bench & { readonly endpoint: TokenEndpoint; readonly provider: ProviderConfig }> {
  const endpoint = await startTokenEndpoint(t, script);
  const provider = parseProvider(yaml.replaceAll('TOKEN_ORIGIN', new URL(endpoint.url).origin));
  const clock = fakeClock();
  const upstream = createUpstream(clock, new ReadScheduler());
  const bench = benchOf(provider, { clock, http: createClient(upstream, clock) });
  t.teardown(async () => {
    bench.auth.close();
    await upstream.close();
  });
  return { ...bench, endpoint, provider };
}
