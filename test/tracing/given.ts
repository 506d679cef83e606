import type { ExecutionContext } from 'ava';
import { tokenYaml, type TokenParts } from '../contract/given.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { startCollector, type Collector, type ExportedSpan } from '../helpers/collector.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';
import { startTokenEndpoint, type TokenEndpoint, type TokenScript } from '../helpers/token-endpoint.ts';
import { startUpstream, type Handler, type Upstream } from '../helpers/upstream.ts';

/** Spans are sent soon after they have ended. */
export const SOON = { OTEL_BSP_SCHEDULE_DELAY: '10' };

/** The ids of a caller's trace. */
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const CALLER = '00f067aa0ba902b7';
export const traceparent = (flags = '01'): string => `00-${TRACE}-${CALLER}-${flags}`;

export interface Traced {
  readonly collector: Collector;
  readonly upstream: Upstream;
  readonly tokens: TokenEndpoint;
  readonly outrider: Outrider;
  readonly clock: FakeClock;
}

/** A route with tokens whose requests are traced. `tracing`: the section's other keys, with a comma in front. */
export async function givenTraced(
  t: ExecutionContext,
  options: TokenParts & {
    readonly handler?: Handler;
    readonly script?: TokenScript;
    readonly tracing?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Traced> {
  const { handler, script, tracing = '', env = {}, extra = '', ...parts } = options;
  const collector = await startCollector(t);
  const upstream = await startUpstream(t, handler);
  const tokens = await startTokenEndpoint(t, script);
  const clock = fakeClock();
  const section = `tracing: { endpoint: "${collector.origin}"${tracing} }\n`;
  const yaml = tokenYaml(upstream.origin, tokens.url, { ...parts, extra: section + extra });
  return {
    collector,
    upstream,
    tokens,
    clock,
    outrider: await startOutrider(t, yaml, { clock, env: { ...SOON, ...env } }),
  };
}

/** The span ids of a `traceparent`: trace, span and flags. */
export function parsed(header: string | undefined): { trace: string; span: string; flags: string } {
  const [, trace = '', span = '', flags = ''] = /^00-(\w{32})-(\w{16})-(\w{2})$/.exec(header ?? '') ?? [];
  return { trace, span, flags };
}

/** The spans as a tree, in the order in which they began: two blanks for each level. */
export function treeOf(spans: readonly ExportedSpan[]): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parent: string | undefined, depth: number): string[] =>
    spans
      .filter(({ parentId }) => (parent === undefined ? !ids.has(parentId) : parentId === parent))
      .toSorted((a, b) => Number(a.startNs - b.startNs))
      .flatMap(({ kind, name, spanId }) => [`${'  '.repeat(depth)}${kind} ${name}`, ...below(spanId, depth + 1)]);
  return below(undefined, 0);
}

/** The one span with this name; of several, the `nth`, in the order in which they began. */
export function spanCalled(spans: readonly ExportedSpan[], name: string, nth = 0): ExportedSpan {
  const found = spans
    .filter((span) => span.name === name)
    .toSorted((a, b) => Number(a.startNs - b.startNs))
    .at(nth);
  if (!found) throw new Error(`no span is called ${name}: ${spans.map((span) => span.name).join(', ')}`);
  return found;
}
