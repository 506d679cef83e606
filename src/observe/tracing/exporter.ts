import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import {
  JsonTraceSerializer,
  ProtobufTraceSerializer,
  type IExportTraceServiceResponse,
  type ISerializer,
} from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { hostOf, retryAfterMs, toFailure } from '../../auth/token/failure.ts';
import type { TracingConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { HttpAnswer, HttpClient } from '../../core/http.ts';
import { VERSION } from '../../core/version.ts';

interface Encoding {
  readonly type: string;
  readonly serializer: ISerializer<ReadableSpan[], IExportTraceServiceResponse>;
}

const ENCODINGS: Readonly<Record<TracingConfig['encoding'], Encoding>> = {
  protobuf: { type: 'application/x-protobuf', serializer: ProtobufTraceSerializer },
  json: { type: 'application/json', serializer: JsonTraceSerializer },
};

/** The answers after which the same spans may be sent again (OTLP, "Failures"). */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 1_000;
const MAX_ANSWER_BYTES = 64 * 1_024;

/** What an exporter works with. */
export interface ExporterDeps {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Called with how many spans did not arrive, and why. */
  readonly onLost: (count: number, why: string) => void;
}

/** Why an export failed. */
interface Failure {
  readonly why: string;
  readonly isRetryable: boolean;
  readonly pauseMs?: number | undefined;
}

/**
 * Sends spans to a collector over OTLP/HTTP. A failure that may pass is tried again, within the time that one batch has. Spans
 * that could not be sent are lost.
 */
export class OtlpExporter implements SpanExporter {
  readonly #config: TracingConfig;
  readonly #deps: ExporterDeps;
  readonly #closing = Promise.withResolvers<void>();
  #isClosing = false;

  constructor(config: TracingConfig, deps: ExporterDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    // Lost spans are told by `onLost`, so that to the SDK every batch is done with.
    const isDone = (): void => done({ code: ExportResultCode.SUCCESS });
    this.#send(spans).then(isDone, () => {
      this.#deps.onLost(spans.length, 'they could not be encoded');
      isDone();
    });
  }

  /** From now on nothing is tried again. */
  hurry(): void {
    this.#isClosing = true;
    this.#closing.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const { clock, onLost } = this.#deps;
    const body = ENCODINGS[this.#config.encoding].serializer.serializeRequest(spans);
    if (!body) return;
    const giveUpAt = clock.monotonic() + this.#config.timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      const failure = await this.#post(body, giveUpAt - clock.monotonic());
      if (!failure) return;
      const nextMs = failure.pauseMs ?? pauseMs;
      if (!failure.isRetryable || this.#isClosing || clock.monotonic() + nextMs >= giveUpAt) {
        onLost(spans.length, failure.why);
        return;
      }
      await this.#pause(nextMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = this.#deps.clock.after(ms, over.resolve);
    await Promise.race([over.promise, this.#closing.promise]);
    timer.cancel();
  }

  async #post(body: Uint8Array, timeoutMs: number): Promise<Failure | undefined> {
    const { url, headers, encoding } = this.#config;
    const host = hostOf(url);
    const own = ['content-type', ENCODINGS[encoding].type, 'user-agent', `outrider/${VERSION}`];
    try {
      const answer = await this.#deps.http({
        method: 'POST',
        url,
        headers: [...own, ...headers.flatMap(([name, value]) => [name, value.reveal()])],
        body,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      });
      return this.#judge(answer, host);
    } catch (error) {
      return { why: toFailure(error, { host, timeoutMs: this.#config.timeoutMs }).detail, isRetryable: true };
    }
  }

  #judge(answer: HttpAnswer, host: string): Failure | undefined {
    const { status, headers } = answer;
    if (status < 200 || status > 299) {
      const pauseMs = retryAfterMs(headers, this.#deps.clock.now());
      return { why: `${host} answered with status ${status}`, isRetryable: RETRYABLE.has(status), pauseMs };
    }
    const refused = this.#refusedSpans(answer);
    if (refused > 0) this.#deps.onLost(refused, `${host} refused them`);
    return undefined;
  }

  /** How many spans of an accepted batch the collector refused. */
  #refusedSpans({ body }: HttpAnswer): number {
    try {
      const { partialSuccess } = ENCODINGS[this.#config.encoding].serializer.deserializeResponse(body);
      return Number(partialSuccess?.rejectedSpans ?? 0);
    } catch {
      // Some collectors answer with a text of their own. The spans have arrived all the same.
      return 0;
    }
  }
}
