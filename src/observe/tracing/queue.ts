import { TraceFlags } from '@opentelemetry/api';
import type { ExportResult } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';

/**
 * Passes spans on in batches. The SDK's processor limits those that wait; this one limits them together with those that are on
 * their way, so that a slow collector holds no more. Spans beyond the limit are lost.
 */
export class SpanQueue implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #max: number;
  readonly #onLost: (count: number, why: string) => void;
  #held = 0;

  constructor(exporter: SpanExporter, config: TracingConfig, onLost: (count: number, why: string) => void) {
    const { maxSpans, batchSpans, delayMs } = config.queue;
    this.#max = maxSpans;
    this.#onLost = onLost;
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans: ReadableSpan[], done: (result: ExportResult) => void) =>
          exporter.export(spans, (result) => {
            this.#held -= spans.length;
            done(result);
          }),
        shutdown: () => exporter.shutdown(),
      },
      maxQueueSize: maxSpans,
      maxExportBatchSize: batchSpans,
      scheduledDelayMillis: delayMs,
      // The exporter has a time limit of its own, and always comes to an end.
      exportTimeoutMillis: 2 * config.timeoutMs,
    });
  }

  /** How many spans have not arrived yet. */
  get held(): number {
    return this.#held;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#held >= this.#max) {
      this.#onLost(1, `${this.#max} spans wait already for a collector that is too slow or away`);
      return;
    }
    this.#held++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }
}
