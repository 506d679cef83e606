import { isHeaderValue, isToken } from '../../core/headers.ts';
import { Secret } from '../../core/secret.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { ConfigData } from '../schema.ts';
import { parseShare } from '../schema/scalar.ts';
import { isOurHeader, readUrl } from '../schema/values.ts';
import { find, nearest, type MapNode } from '../yaml/tree.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where traces go, and which. */
export interface TracingConfig {
  /** The URL that spans are posted to. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: Secret])[];
  readonly encoding: 'protobuf' | 'json';
  /** The share of new traces that are sampled. With `isParentBased`, a trace that comes with a request stays as it is. */
  readonly sampler: { readonly ratio: number; readonly isParentBased: boolean };
  /** The attributes that tell this service from others. */
  readonly resource: Readonly<Record<string, string>>;
  /** The time limit of one batch, with all its tries. */
  readonly timeoutMs: number;
  readonly queue: { readonly maxSpans: number; readonly batchSpans: number; readonly delayMs: number };
}

const PATH = '/v1/traces';

/** The headers that the exporter sets itself. */
const isTaken = (name: string): boolean => isOurHeader(name) || name === 'content-type' || name === 'user-agent';

const ENCODINGS: ReadonlyMap<string, TracingConfig['encoding']> = new Map([
  ['http/protobuf', 'protobuf'],
  ['http/json', 'json'],
]);

/** The samplers of OpenTelemetry, by the share of new traces that they sample. Undefined: what the argument says. */
const SAMPLERS: ReadonlyMap<string, { readonly ratio?: number; readonly isParentBased: boolean }> = new Map([
  ['always_on', { ratio: 1, isParentBased: false }],
  ['always_off', { ratio: 0, isParentBased: false }],
  ['traceidratio', { isParentBased: false }],
  ['parentbased_always_on', { ratio: 1, isParentBased: true }],
  ['parentbased_always_off', { ratio: 0, isParentBased: true }],
  ['parentbased_traceidratio', { isParentBased: true }],
]);

/**
 * The variables of OpenTelemetry. One that can't be used is reported (`invalid_variable`, a warning), and then left out, as
 * OpenTelemetry asks for.
 */
class Variables {
  readonly #env: Env;
  readonly #report: (message: string, help: string) => void;

  constructor(env: Env, report: (message: string, help: string) => void) {
    this.#env = env;
    this.#report = report;
  }

  /** The value of the first of these variables that is set, as `parse` reads it. `parse` yields undefined for a wrong value. */
  read<T>(names: readonly string[], help: string, parse: (text: string) => T | undefined): T | undefined {
    for (const name of names) {
      const text = this.#env[name]?.trim();
      if (text === undefined || text === '') continue;
      const value = parse(text);
      if (value === undefined) this.#report(`the value of ${name} can't be used`, help);
      return value;
    }
    return undefined;
  }

  /** A variable of the exporter: that of traces goes before that of all signals. */
  exporter<T>(name: string, help: string, parse: (text: string) => T | undefined): T | undefined {
    return this.read([`OTEL_EXPORTER_OTLP_TRACES_${name}`, `OTEL_EXPORTER_OTLP_${name}`], help, parse);
  }

  count(name: string, fallback: number): number {
    return this.read([name], 'write a whole number from 1 on', parseCount) ?? fallback;
  }
}

const parseCount = (text: string): number | undefined =>
  /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;

const parseUrl = (text: string): string | undefined => {
  const url = readUrl(text);
  return typeof url === 'string' ? undefined : url.origin + url.rest;
};

/** Reads `a=b,c=d`, with values percent-encoded. Undefined when anything in it is wrong. */
function parsePairs(text: string): Record<string, string> | undefined {
  const pairs = text.split(',').map((pair) => pair.trim());
  try {
    return Object.fromEntries(
      pairs
        .filter((pair) => pair !== '')
        .map((pair) => {
          const sign = pair.indexOf('=');
          if (sign <= 0) throw new URIError('a pair without a name');
          return [pair.slice(0, sign).trim(), decodeURIComponent(pair.slice(sign + 1).trim())];
        }),
    );
  } catch {
    return undefined;
  }
}

const isSendable = ([name, value]: readonly [string, string]): boolean =>
  isToken(name) && isHeaderValue(value) && !isTaken(name.toLowerCase());

const parseHeaders = (text: string): readonly (readonly [string, string])[] | undefined => {
  const pairs = Object.entries(parsePairs(text) ?? { '': '' });
  return pairs.every(isSendable) ? pairs : undefined;
};

const join = (base: string): string => (base.endsWith(PATH) ? base : base.replace(/\/$/, '') + PATH);

/**
 * The tracing of a config, completed by the variables of OpenTelemetry. What the file says goes first. Undefined while tracing
 * is off: nothing says where traces go, or the file or a variable switches them off.
 */
export function readTracing(
  root: MapNode,
  data: ConfigData['tracing'],
  env: Env,
  problems: Problems,
): TracingConfig | undefined {
  const place = nearest(root, 'tracing');
  const variables = new Variables(env, (message, help) => problems.warning('invalid_variable', place, message, help));
  const { endpoint, sample, headers: written = {} } = data || {};
  for (const name of Object.keys(written)) checkName(root, name, problems);
  const isOff =
    data === false ||
    env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' ||
    env['OTEL_TRACES_EXPORTER']?.trim() === 'none';
  if (isOff) return undefined;
  const url = endpoint === undefined ? urlOf(variables) : join(endpoint);
  if (url === undefined) return undefined;
  const encoding = variables.exporter(
    'PROTOCOL',
    'write http/protobuf or http/json, and the port of the collector for OTLP over HTTP, usually 4318',
    (text) => ENCODINGS.get(text),
  );
  const given = variables.exporter('HEADERS', 'write name=value,name=value, with values percent-encoded', parseHeaders);
  const headers = new Map((given ?? []).map(([name, value]) => [name.toLowerCase(), new Secret(value)]));
  for (const [name, value] of Object.entries(written)) if (value) headers.set(name.toLowerCase(), value);
  return {
    url,
    headers: [...headers],
    encoding: encoding ?? 'protobuf',
    sampler: sample === undefined ? samplerOf(variables) : { ratio: sample, isParentBased: true },
    resource: resourceOf(variables),
    timeoutMs: variables.exporter('TIMEOUT', 'write milliseconds', parseCount) ?? 10_000,
    queue: queueOf(variables),
  };
}

function urlOf(variables: Variables): string | undefined {
  const help = 'write http://host:4318, without credentials and fragment';
  const whole = variables.read(['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], help, parseUrl);
  if (whole !== undefined) return whole;
  const base = variables.read(['OTEL_EXPORTER_OTLP_ENDPOINT'], help, parseUrl);
  return base === undefined ? undefined : join(base);
}

function samplerOf(variables: Variables): TracingConfig['sampler'] {
  const known = [...SAMPLERS.keys()].join(', ');
  const sampler = variables.read(['OTEL_TRACES_SAMPLER'], `write one of ${known}`, (text) => SAMPLERS.get(text));
  const { ratio, isParentBased } = sampler ?? { ratio: 1, isParentBased: true };
  const share = (): number | undefined =>
    variables.read(['OTEL_TRACES_SAMPLER_ARG'], 'write a number from 0 to 1', parseShare);
  return { ratio: ratio ?? share() ?? 1, isParentBased };
}

function resourceOf(variables: Variables): Readonly<Record<string, string>> {
  const help = 'write name=value,name=value, with values percent-encoded';
  const attributes = variables.read(['OTEL_RESOURCE_ATTRIBUTES'], help, parsePairs);
  const name = variables.read(['OTEL_SERVICE_NAME'], '', (text) => text);
  return { ...attributes, ...(name !== undefined && { 'service.name': name }) };
}

function queueOf(variables: Variables): TracingConfig['queue'] {
  const maxSpans = variables.count('OTEL_BSP_MAX_QUEUE_SIZE', 2_048);
  const batchSpans = Math.min(variables.count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512), maxSpans);
  return { maxSpans, batchSpans, delayMs: variables.count('OTEL_BSP_SCHEDULE_DELAY', 5_000) };
}

function checkName(root: MapNode, name: string, problems: Problems): void {
  const node = find(root, 'tracing', 'headers');
  const place = (node?.kind === 'map' && node.keys.get(name)) || nearest(root, 'tracing', 'headers');
  if (!isToken(name)) problems.error('invalid_value', place, `"${name}" is not a header name`);
  else if (isTaken(name.toLowerCase()))
    problems.error('invalid_value', place, `"${name}" is set by the exporter itself`, 'leave it out');
}
