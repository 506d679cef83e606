import { randomBytes } from 'node:crypto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type IdGenerator,
  type Sampler,
} from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Events } from '../../core/events.ts';
import type { HttpClient } from '../../core/http.ts';
import type { Tracing } from '../../core/tracing.ts';
import { VERSION } from '../../core/version.ts';
import type { Redacts } from '../caller-texts.ts';
import { OtlpExporter } from './exporter.ts';
import { Losses } from './losses.ts';
import { SpanQueue } from './queue.ts';
import { createSpans } from './spans.ts';

/** What tracing works with. */
export interface TracingDeps {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly events: Events;
  readonly logger: Redacts;
  /** Tells this process from others of the same service. */
  readonly instance: string;
}

/** Tracing that has to be closed. */
export interface OpenTracing extends Tracing {
  /** Sends the spans that are left. Those that the collector doesn't take in time are lost. */
  close(): Promise<void>;
}

/** How long the last spans may take. */
const FLUSH_MS = 3_000;

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Makes random ids. The id of a span may be made before the span starts. */
class Ids implements IdGenerator {
  #next: string | undefined;

  readonly generateTraceId = (): string => hex(16);

  readonly generateSpanId = (): string => {
    const id = this.#next ?? hex(8);
    this.#next = undefined;
    return id;
  };

  /** Makes `id` that of the span that starts next. */
  readonly use = (id: string): void => {
    this.#next = id;
  };
}

function samplerOf({ ratio, isParentBased }: TracingConfig['sampler']): Sampler {
  const root =
    ratio === 1 ? new AlwaysOnSampler() : ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}

/** Starts to trace, with the OpenTelemetry SDK. Nothing is sent before the first span has ended. */
export function createTracing(config: TracingConfig, deps: TracingDeps): OpenTracing {
  const { clock, events, http, logger } = deps;
  const losses = new Losses(events, clock);
  const exporter = new OtlpExporter(config, { http, clock, onLost: losses.add });
  const queue = new SpanQueue(exporter, config, losses.add);
  const ids = new Ids();
  const own = { 'service.name': 'outrider', 'service.version': VERSION, 'service.instance.id': deps.instance };
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ ...own, ...config.resource })),
    sampler: samplerOf(config.sampler),
    idGenerator: ids,
    spanProcessors: [queue],
  });
  const tracer = provider.getTracer('outrider', VERSION);
  return {
    ...createSpans({ tracer, newSpanId: () => hex(8), useSpanId: ids.use, logger }),
    async close() {
      exporter.hurry();
      const late = Promise.withResolvers<void>();
      const timer = clock.after(FLUSH_MS, late.resolve);
      // The SDK rejects when a batch takes too long. Its spans are counted below.
      await Promise.race([provider.shutdown().catch(() => undefined), late.promise]);
      timer.cancel();
      if (queue.held > 0) losses.add(queue.held, `the collector took no more within ${FLUSH_MS} ms of the end`);
      losses.tell();
    },
  };
}
