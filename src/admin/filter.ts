import { OutriderError } from '../core/errors.ts';
import type { RecordedRequest } from '../core/journal.ts';

/** Which of the last requests an answer has. */
export interface RequestFilter {
  readonly limit: number;
  readonly fits: (request: Pick<RecordedRequest, 'id' | 'route' | 'provider' | 'caller' | 'status'>) => boolean;
}

type Fits = RequestFilter['fits'];

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 100;

const invalid = (detail: string): OutriderError => new OutriderError('bad_request', { detail });

function readNumber(name: string, value: string): number {
  if (!/^\d{1,16}$/.test(value)) throw invalid(`\`${name}\` is a whole number`);
  return Number(value);
}

function readLimit(value: string): number {
  const limit = readNumber('limit', value);
  if (limit < 1 || limit > MAX_LIMIT) throw invalid(`\`limit\` is a number from 1 to ${MAX_LIMIT}`);
  return limit;
}

/** Reads a status, or all of a hundred: `404`, `4xx`; 0 is no answer. Throws `bad_request`. */
export function statusFits(value: string): (status: number) => boolean {
  const [, hundred] = /^([1-5])xx$/i.exec(value) ?? [];
  if (hundred !== undefined) return (status) => Math.floor(status / 100) === Number(hundred);
  if (!/^(?:0|[1-5]\d\d)$/.test(value))
    throw invalid('`status` is a status, or all of a hundred: 404, 4xx; 0: no answer');
  return (status) => status === Number(value);
}

/** Reads the value of each parameter. The result says which requests fit. */
const PARAMETERS: Readonly<Record<string, (value: string) => Fits>> = {
  route: (value) => (request) => request.route === value,
  provider: (value) => (request) => request.provider === value,
  caller: (value) => (request) => request.caller === value,
  status: (value) => {
    const fits = statusFits(value);
    return (request) => fits(request.status);
  },
  since: (value) => {
    const id = readNumber('since', value);
    return (request) => request.id > id;
  },
};

/** Reads the query of `GET /api/requests`. Throws `bad_request`. */
export function readFilter(query: URLSearchParams): RequestFilter {
  const names = [...query.keys()];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const known = ['limit', ...Object.keys(PARAMETERS)];
  if (twice !== undefined || names.some((name) => !known.includes(name)))
    throw invalid(`the parameters are ${known.join(', ')}, each of them once`);
  const conditions = Object.entries(PARAMETERS).flatMap(([name, read]) => {
    const value = query.get(name);
    return value === null ? [] : [read(value)];
  });
  const limit = query.get('limit');
  return {
    limit: limit === null ? DEFAULT_LIMIT : readLimit(limit),
    fits: (request) => conditions.every((fits) => fits(request)),
  };
}
