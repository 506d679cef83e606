/**
 * The upper bounds of the histogram's buckets, in seconds: those of the OpenTelemetry HTTP conventions, and more up to the 60 s
 * that a response may take.
 */
export const BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];
const BOUNDS_MS = Float64Array.from(BOUNDS, (bound) => bound * 1_000);

/**
 * The methods of RFC 9110 and RFC 5789. Any other is counted as `_OTHER`; otherwise a caller could create any number of series.
 */
export const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);
/** What stands in place of another method. */
export const OTHER = '_OTHER';
/** The limit of series for each caller of a route. Further combinations are counted together in one series. */
const MAX_SERIES = 64;

/** The durations of one combination of labels. */
export class Series {
  readonly caller: string | undefined;
  readonly method: string;
  /** The status of the answer; 0 for none. */
  readonly status: number;
  readonly error: string | undefined;
  /** The count of each bucket, not cumulative, and one more for durations above all bounds. */
  readonly counts = new Float64Array(BOUNDS.length + 1);
  sumMs = 0;
  count = 0;

  constructor(caller: string | undefined, method: string, status: number, error: string | undefined) {
    this.caller = caller;
    this.method = method;
    this.status = status;
    this.error = error;
  }

  /** Counts one duration. */
  add(durationMs: number): void {
    let i = 0;
    while (i < BOUNDS_MS.length && durationMs > (BOUNDS_MS[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sumMs += durationMs;
    this.count++;
  }
}

/**
 * Durations by route, caller, method, status and error. They are counted in our own arrays, because prom-client's `observe` sorts and
 * joins the labels on each call.
 */
export class DurationHistogram {
  /** By caller, then by route. */
  readonly #callers = new Map<string | undefined, Map<string, Series[]>>();

  /** Counts one duration. `error` is an error code; it and `caller` are undefined for none. */
  add(
    route: string,
    method: string,
    status: number,
    error: string | undefined,
    durationMs: number,
    caller?: string,
  ): void {
    const list = this.#callers.get(caller)?.get(route);
    if (list !== undefined) {
      for (const series of list) {
        if (series.status === status && series.method === method && series.error === error) {
          series.add(durationMs);
          return;
        }
      }
    }
    this.#meet(route, caller, method, status, error).add(durationMs);
  }

  /** All series, each with its route. */
  *entries(): Generator<readonly [route: string, series: Series]> {
    for (const routes of this.#callers.values()) {
      for (const [route, list] of routes) for (const series of list) yield [route, series];
    }
  }

  /** The series of one route. */
  of(route: string): readonly Series[] {
    return [...this.#callers.values()].flatMap((routes) => routes.get(route) ?? []);
  }

  /** Finds or creates a series after unknown methods and surplus combinations are folded into `_OTHER`. */
  #meet(
    route: string,
    caller: string | undefined,
    rawMethod: string,
    rawStatus: number,
    error: string | undefined,
  ): Series {
    const routes = this.#callers.get(caller) ?? new Map<string, Series[]>();
    this.#callers.set(caller, routes);
    const list = routes.get(route) ?? [];
    routes.set(route, list);
    const isFull = list.length >= MAX_SERIES;
    const method = !isFull && METHODS.has(rawMethod) ? rawMethod : OTHER;
    const status = isFull ? 0 : rawStatus;
    const kind = isFull ? OTHER : error;
    const known = list.find((one) => one.method === method && one.status === status && one.error === kind);
    if (known !== undefined) return known;
    const series = new Series(caller, method, status, kind);
    list.push(series);
    return series;
  }
}

interface Count {
  readonly values: readonly string[];
  count: number;
}

/** A counter with labels. The values are given in the order of `names`. */
export class LabelledCounter<Name extends string> {
  readonly names: readonly Name[];
  /** The counts by their first value: a route or a provider. */
  readonly #counts = new Map<string, Count[]>();

  constructor(names: readonly Name[]) {
    this.names = names;
  }

  /** Counts one event with these label values. */
  add(first: string, second?: string, third?: string): void {
    let list = this.#counts.get(first);
    if (list === undefined) this.#counts.set(first, (list = []));
    for (const known of list) {
      if (known.values[1] === second && known.values[2] === third) {
        known.count++;
        return;
      }
    }
    list.push({ values: [first, second, third].filter((value) => value !== undefined), count: 1 });
  }

  /** All label combinations with their counts. */
  *entries(): Generator<readonly [labels: Record<Name, string>, count: number]> {
    for (const list of this.#counts.values()) {
      for (const { values, count } of list) {
        yield [Object.fromEntries(this.names.map((name, i) => [name, values[i]])) as Record<Name, string>, count];
      }
    }
  }
}
