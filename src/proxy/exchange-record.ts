import type { Destination } from '../core/authority.ts';
import type { OutriderError } from '../core/errors.ts';
import type { AttemptDetail, AuthOutcome, Door, ExchangeRecord, TokenWait } from '../core/events.ts';

const NO_WAITS: readonly TokenWait[] = [];

/** The record of one request. Its fields are filled in while the request is handled. */
export class ExchangeRecordBuilder implements ExchangeRecord {
  requestId = '';
  route: string | undefined;
  provider: string | undefined;
  caller: string | undefined;
  readonly method: string;
  path: string;
  status = 0;
  code: string | undefined;
  outcome: 'not_sent' | 'unknown' | undefined;
  auth: AuthOutcome | undefined;
  upstream: string | undefined;
  attempts = 0;
  durationMs = 0;
  upstreamMs = 0;
  tokenWaitMs = 0;
  tokenWaits = NO_WAITS;
  bytesIn = 0;
  bytesOut = 0;
  scrubbed = 0;
  replaySkipped: ExchangeRecord['replaySkipped'];
  traceId: string | undefined;

  constructor(method: string, path: string) {
    this.method = method;
    this.path = path;
  }

  /** Notes the error that is the answer. */
  protected noteFailure({ status, code, outcome }: OutriderError): void {
    this.status = status;
    this.code = code;
    this.outcome = outcome;
  }

  /** Notes that the upstream's answer broke off on its way. */
  protected noteBreak({ code }: OutriderError): void {
    this.code ??= code;
    this.outcome = 'unknown';
  }

  get door(): Door | undefined {
    return undefined;
  }

  get destination(): Destination | undefined {
    return undefined;
  }

  get attemptDetails(): readonly AttemptDetail[] {
    return [];
  }

  get addedHeaders(): readonly string[] {
    return [];
  }
}
