import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  createTraceState,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import { placeHeader, removeHeader } from '../../auth/headers.ts';
import type { ExchangeRecord, RenewalReason } from '../../core/events.ts';
import type { RawHeaders } from '../../core/headers.ts';
import { pathOfTarget } from '../../core/path.ts';
import { readTraceContext, SAMPLED, traceParent, type TraceContext } from '../../core/trace-context.ts';
import type { AttemptTrace, RenewalTrace, RequestTrace, Tracing, WaitTrace } from '../../core/tracing.ts';
import { METHODS, OTHER } from '../instruments.ts';
import { shownPath, type Redacts } from '../caller-texts.ts';

/** What spans are made with. */
export interface SpanDeps {
  readonly tracer: Tracer;
  /** Makes an id for a span to come. */
  readonly newSpanId: () => string;
  /** Gives this id to the span that starts next. */
  readonly useSpanId: (id: string) => void;
  readonly logger: Redacts;
}

/** A span, with what those below it and requests to others need to know of its trace. */
interface Place {
  readonly span: Span;
  /** The context of the spans below. */
  readonly context: Context;
  /** The flags and the `tracestate` with which the trace came. */
  readonly came: Pick<TraceContext, 'flags' | 'state'>;
}

const NEW_TRACE: Place['came'] = { flags: 0, state: '' };

// The names are those of the OpenTelemetry semantic conventions for HTTP. Our own begin with `outrider.`.

const methodAttributes = (method: string): Attributes =>
  METHODS.has(method)
    ? { 'http.request.method': method }
    : { 'http.request.method': OTHER, 'http.request.method_original': method };

/** The method as the name of a span has it: few values. */
const nameOf = (method: string): string => (METHODS.has(method) ? method : 'HTTP');

/** The attributes of the URL of a request of ours, without userinfo and query, which may hold secrets. */
function urlAttributes(url: string): Attributes {
  const [, scheme = '', authority = '', path = ''] = /^(https?):\/\/(?:[^/?#]*@)?([^/?#]*)([^?#]*)/i.exec(url) ?? [];
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  return {
    'url.full': `${scheme}://${authority}${path}`,
    'server.address': host,
    'server.port': Number(port ?? (scheme === 'https' ? 443 : 80)),
  };
}

function start({ tracer }: SpanDeps, name: string, options: SpanOptions, above: Context, came: Place['came']): Place {
  const span = tracer.startSpan(name, options, above);
  return { span, context: trace.setSpan(above, span), came };
}

/** What `traceparent` says of the trace. The flag that the id is random stays as it came. */
function traceContext(place: Place, spanId = place.span.spanContext().spanId): Omit<TraceContext, 'state'> {
  const { traceId, traceFlags } = place.span.spanContext();
  return { traceId, spanId, flags: (place.came.flags & ~SAMPLED) | traceFlags };
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** For a client, statuses from 400 on are errors. */
function setStatus(span: Span, status: number): void {
  if (status > 0) span.setAttribute('http.response.status_code', status);
  if (status >= 400) fail(span, String(status));
}

function end(span: Span, error: string | undefined): void {
  if (error !== undefined) fail(span, error);
  span.end();
}

class Renewal implements RenewalTrace {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  get context(): RenewalTrace['context'] {
    return traceContext(this.#place);
  }

  call(method: string, url: string, headers: RawHeaders): RawHeaders {
    this.#place.span.setAttributes({ ...methodAttributes(method), ...urlAttributes(url) });
    const out = headers.slice();
    placeHeader(out, { name: 'traceparent', lower: 'traceparent', value: traceParent(this.context) });
    const { state } = this.#place.came;
    if (state !== '') placeHeader(out, { name: 'tracestate', lower: 'tracestate', value: state });
    return out;
  }

  answered(status: number): void {
    setStatus(this.#place.span, status);
  }

  end(error: string | undefined): void {
    end(this.#place.span, error);
  }
}

function startRenewal(
  deps: SpanDeps,
  [provider, reason]: readonly [string, RenewalReason],
  above: Context = ROOT_CONTEXT,
  came: Place['came'] = NEW_TRACE,
): RenewalTrace {
  const attributes = { 'outrider.provider': provider, 'outrider.renewal.reason': reason };
  return new Renewal(start(deps, 'renew', { kind: SpanKind.CLIENT, attributes }, above, came));
}

class Wait implements WaitTrace {
  readonly #deps: SpanDeps;
  readonly #place: Place;

  constructor(deps: SpanDeps, place: Place) {
    this.#deps = deps;
    this.#place = place;
  }

  renewal(...what: readonly [string, RenewalReason]): RenewalTrace {
    return startRenewal(this.#deps, what, this.#place.context, this.#place.came);
  }

  link({ context: { traceId, spanId, flags } }: RenewalTrace): void {
    this.#place.span.addLink({ context: { traceId, spanId, traceFlags: flags & SAMPLED } });
  }

  end(error: string | undefined): void {
    end(this.#place.span, error);
  }
}

class Request implements RequestTrace {
  readonly traceId: string;
  readonly #deps: SpanDeps;
  readonly #place: Place;
  /** The id of the next attempt's span. */
  #next = '';
  #attempts = 0;

  constructor(deps: SpanDeps, method: string, headers: RawHeaders) {
    const parent = readTraceContext(headers);
    const options = { kind: SpanKind.SERVER, attributes: methodAttributes(method) };
    this.#deps = deps;
    this.#place = start(deps, nameOf(method), options, parent ? remote(parent) : ROOT_CONTEXT, parent ?? NEW_TRACE);
    this.traceId = this.#place.span.spanContext().traceId;
  }

  propagate(headers: RawHeaders): RawHeaders {
    this.#next = this.#deps.newSpanId();
    const value = traceParent(traceContext(this.#place, this.#next));
    const out = headers.slice();
    placeHeader(out, { name: 'traceparent', lower: 'traceparent', value });
    if (this.#place.came.state === '') removeHeader(out, 'tracestate');
    return out;
  }

  attempt(method: string, origin: string, target: string): AttemptTrace {
    const attributes = {
      ...methodAttributes(method),
      ...urlAttributes(origin + shownPath(pathOfTarget(target), this.#deps.logger)),
      ...(this.#attempts > 0 && { 'http.request.resend_count': this.#attempts }),
    };
    this.#attempts++;
    this.#deps.useSpanId(this.#next);
    const options = { kind: SpanKind.CLIENT, attributes };
    const { span } = start(this.#deps, nameOf(method), options, this.#place.context, this.#place.came);
    return {
      end(status, error) {
        setStatus(span, status);
        end(span, error);
      },
    };
  }

  waitForToken(provider: string): WaitTrace {
    const options = { attributes: { 'outrider.provider': provider } };
    return new Wait(this.#deps, start(this.#deps, 'wait for token', options, this.#place.context, this.#place.came));
  }

  end({ method, path, route, provider, caller, auth, status, code }: ExchangeRecord, scheme: 'http' | 'https'): void {
    const { span } = this.#place;
    if (span.isRecording()) {
      if (route !== undefined) span.updateName(`${nameOf(method)} ${route}`);
      span.setAttributes({
        'url.scheme': scheme,
        'url.path': shownPath(path, this.#deps.logger),
        ...(route !== undefined && { 'http.route': route }),
        ...(provider !== undefined && { 'outrider.provider': provider }),
        ...(caller !== undefined && { 'outrider.caller': caller }),
        ...(auth !== undefined && { 'outrider.auth': auth }),
        ...(status > 0 && { 'http.response.status_code': status }),
        ...(code !== undefined && { 'error.type': code }),
      });
      // For a server, a refused request is no error. An answer that was cut is one.
      const isFailed = status >= 500 || (code !== undefined && status < 400);
      if (isFailed) fail(span, code ?? String(status));
    }
    span.end();
  }
}

/** The context of a trace that came with a request. */
function remote({ traceId, spanId, flags, state }: TraceContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags & SAMPLED,
    isRemote: true,
    ...(state !== '' && { traceState: createTraceState(state) }),
  });
}

/** Makes the spans of requests and renewals. */
export const createSpans = (deps: SpanDeps): Tracing => ({
  request: (method, headers) => new Request(deps, method, headers),
  renewal: (...what) => startRenewal(deps, what),
});
