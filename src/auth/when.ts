import type { FieldCondition, WhenSpec } from '../config/profile/profile.ts';
import type { RawHeaders } from '../core/headers.ts';
import { mayBe } from './body.ts';
import type { RequestDraft } from './draft.ts';
import { type ByteString, fromUnicode } from '../core/byte-string.ts';

/** A compiled `when`: the requests that an entry of a profile's `sign` is for. */
export interface When {
  /** The methods that it fits; undefined for all. */
  readonly methods: readonly string[] | undefined;
  /** Whether the whole body is needed to decide. */
  needsBody(method: string, headers: RawHeaders): boolean;
  /**
   * Whether it fits a request with this path, as `request.path` shows it. `request` is called only if fields decide; it gives
   * the request as it came, with nothing put in yet. Throws `bad_body` for a field that came twice, or in a body that can't be
   * read.
   */
  fits(method: string, path: ByteString, request: () => RequestDraft): boolean;
  /** The condition for a person to read; undefined if no fields decide. */
  readonly says: string | undefined;
}

type FieldPlace = FieldCondition['place'];

/** Compiles a `when`. Its `path` is a prefix of `request.path`, in whole segments. */
export function compileWhen({ methods, path, fields = [] }: WhenSpec): When {
  const wanted = methods && new Set(methods);
  const conditions = fields.map(compileCondition);
  const bodies = (['form', 'json'] as const).filter((kind) => fields.some(({ place }) => place === kind));
  const takes = (method: string): boolean => !wanted || wanted.has(method);
  return {
    methods,
    needsBody: (method, headers) => takes(method) && bodies.some((kind) => mayBe(kind, headers)),
    fits(method, at, request) {
      if (!takes(method) || (path !== undefined && !isBelow(at, path))) return false;
      // Every condition is evaluated, so that a field that came twice is found whatever the other conditions say.
      return conditions.map((holds) => holds(request())).every(Boolean);
    },
    says:
      fields.length === 0
        ? undefined
        : [methods?.join(' or '), path, ...fields.map(describe)].filter(Boolean).join(', '),
  };
}

function compileCondition({ place, name, wanted }: FieldCondition): (request: RequestDraft) => boolean {
  const look = lookup(place, name);
  if (wanted === 'present') return (request) => look(request) !== '';
  if (wanted === 'absent') return (request) => look(request) === '';
  const texts: ReadonlySet<ByteString | undefined> = new Set(wanted.texts.map(fromUnicode));
  return (request) => texts.has(look(request)) === wanted.isAny;
}

/** Creates the function that reads a field's text: empty if the field is missing, undefined if it is a list or map of JSON. */
function lookup(place: FieldPlace, name: string): (request: RequestDraft) => ByteString | undefined {
  if (place === 'headers') return (request) => request.lookAtHeader(name);
  const text = fromUnicode(name);
  if (place === 'query') return (request) => request.lookAtQuery(text);
  if (place === 'form') return (request) => request.lookAtForm(text);
  const way = text.split('.');
  return (request) => request.lookAtJson(way);
}

function describe({ place, name, wanted }: FieldCondition): string {
  const field = `${place}.${name}`;
  if (typeof wanted === 'string') return `${field} ${wanted}`;
  const texts = wanted.texts.map((text) => (text === '' ? 'absent' : JSON.stringify(text)));
  return `${field} ${wanted.isAny ? '' : 'not '}${texts.join(wanted.isAny ? ' or ' : ' nor ')}`;
}

function isBelow(path: ByteString, prefix: string): boolean {
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return path === base || path.startsWith(`${base}/`);
}
