import { OutriderError } from '../core/errors.ts';
import { headerValue, headerValues, type RawHeaders } from '../core/headers.ts';
import { type BodyKind, checkBody, isBase64Json, looksLike, MEDIA } from './body.ts';
import { type BodyForm, dropFields, placeField, readFields } from './fields.ts';
import { formOf } from './form.ts';
import { placeHeader, removeHeader } from './headers.ts';
import { countOnlyKey, dropJsonMembers, isJsonObject, placeJsonMember, readJsonScalar } from './json.ts';
import type { PathBelow } from './path.ts';
import { badBody } from './problem.ts';
import type { RequestView } from './scope.ts';
import { type ByteString, encodeString, fromBytes, percentEncode, toBytes, toUnicode } from '../core/byte-string.ts';

/** The request that a draft starts from. */
export interface DraftStart {
  readonly method: string;
  readonly target: ByteString;
  readonly headers: RawHeaders;
  readonly body: Uint8Array | null;
  /** Scheme, host and port of where it goes. */
  readonly origin: string;
  /** Gives the part of the target's path that templates see as `request.path`. */
  readonly pathBelow: PathBelow;
}

const IN_CREDENTIAL = 'goes into the credential';
const IN_CONDITION = 'decides what is signed';

const JSON_PROBLEMS = {
  absent: 'is not there',
  twice: 'was sent twice',
  no_scalar: 'is not a text, a number, true, false or null',
} as const;

/**
 * The single value, or empty text for none. Throws `bad_body` for several, since the provider might read another one than we
 * do.
 */
function onlyOne(values: readonly ByteString[], what: string): ByteString {
  if (values.length > 1) throw badBody(`${what} and was sent twice.`);
  return values[0] ?? '';
}

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * A request while its credential is being put on. The draft works on copies and never changes what it started from.
 * A field that will be filled by us replaces the one that the caller sent under that name. So templates that read the whole
 * body or query don't see the caller's field: a signature covers the bytes that are sent, without the fields that the signature
 * itself adds.
 */
export class RequestDraft implements RequestView {
  readonly method: string;
  readonly origin: string;
  target: ByteString;
  readonly headers: string[];
  /** The new body, once it has been changed; undefined while it is the one that came. */
  changedBody: ByteString | undefined;
  readonly #bytes: Uint8Array;
  readonly #pathBelow: DraftStart['pathBelow'];
  readonly #checked = new Set<BodyKind>();
  readonly #expected: { query?: Set<ByteString>; form?: Set<ByteString>; json?: Set<ByteString> } = {};
  #body: ByteString | undefined;
  /** The form fields of the current body, cached until the body changes. */
  #fields: ReadonlyMap<ByteString, readonly ByteString[]> | undefined;

  constructor(start: DraftStart) {
    this.method = start.method;
    this.origin = start.origin;
    this.target = start.target;
    this.headers = start.headers.slice();
    this.#bytes = start.body ?? new Uint8Array(0);
    this.#pathBelow = start.pathBelow;
  }

  get path(): ByteString {
    return this.#pathBelow(this.#split()[0]);
  }

  get query(): ByteString {
    return this.#visibleQuery() ?? '';
  }

  get pathAndQuery(): ByteString {
    const query = this.#visibleQuery();
    return this.path + (query === undefined ? '' : `?${query}`);
  }

  get body(): ByteString {
    const { form, json } = this.#expected;
    let body = this.#whole;
    if (body === '') return body;
    if (form?.size) body = this.#form.drop(this.#bodyAs('form'), form);
    if (json?.size && isJsonObject(this.#bodyAs('json'))) body = dropJsonMembers(body, json);
    return body;
  }

  /** The bytes of the whole body, as it would be sent now. */
  get bytes(): Uint8Array {
    return this.changedBody === undefined ? this.#bytes : toBytes(this.changedBody);
  }

  /** Whether the request has no body and its method doesn't usually have one. */
  get isBodiless(): boolean {
    return this.changedBody === undefined && this.#bytes.length === 0 && !METHODS_WITH_BODY.has(this.method);
  }

  header(name: string): ByteString {
    const values = headerValues(this.headers, name);
    if (values.length > 1) {
      throw new OutriderError('bad_request', {
        detail: `The header ${name} goes into the credential and was sent twice.`,
      });
    }
    return values[0] ?? '';
  }

  formField(name: ByteString): ByteString {
    return this.#formField(name, IN_CREDENTIAL);
  }

  jsonField(path: readonly ByteString[]): ByteString {
    const found = readJsonScalar(this.#bodyAs('json'), path);
    if ('text' in found) return found.text;
    throw badBody(`The JSON field "${path.join('.')}" ${IN_CREDENTIAL} and ${JSON_PROBLEMS[found.problem]}.`);
  }

  /**
   * A form field, decoded, for a condition. Empty when the field is missing or the body is no form. Throws `bad_body` when it
   * came twice.
   */
  lookAtForm(name: ByteString): ByteString {
    return looksLike('form', this.headers, this.#bytes) ? this.#formField(name, IN_CONDITION) : '';
  }

  /**
   * A JSON field, as text, for a condition. Empty when the field is missing or null, or the body is not JSON. Undefined when it
   * is a list or a map. Throws `bad_body` when it came twice.
   */
  lookAtJson(path: readonly ByteString[]): ByteString | undefined {
    if (!looksLike('json', this.headers, this.#bytes)) return '';
    const found = readJsonScalar(this.#bodyAs('json'), path);
    if ('text' in found) return found.isNull ? '' : found.text;
    if (found.problem === 'twice')
      throw badBody(`The JSON field "${path.join('.')}" ${IN_CONDITION} and was sent twice.`);
    return found.problem === 'absent' ? '' : undefined;
  }

  /** A query parameter, decoded, for a condition. Empty when it is missing. Throws `bad_body` when it came twice. */
  lookAtQuery(name: ByteString): ByteString {
    const [, query = ''] = this.#split();
    return onlyOne(readFields(query).get(name) ?? [], `The query parameter "${name}" ${IN_CONDITION}`);
  }

  /** A header for a condition, by its name in lower case. Empty when it is missing. Throws `bad_body` when it came twice. */
  lookAtHeader(lower: string): ByteString {
    return onlyOne(headerValues(this.headers, lower), `The header ${lower} ${IN_CONDITION}`);
  }

  /**
   * Announces that a value will be put under `name`. Until it is, {@link body} and {@link query} leave out what the caller sent
   * under that name.
   */
  expect(place: 'query' | 'form' | 'json', name: ByteString): void {
    this.#expected[place] ??= new Set();
    this.#expected[place].add(name);
  }

  /** Fixes the length of the body, so that it goes out with a Content-Length even if it came in chunks. */
  fixLength(): void {
    if (!this.isBodiless) this.changedBody ??= this.#whole;
  }

  setHeader(name: string, value: ByteString): void {
    placeHeader(this.headers, { name, lower: name.toLowerCase(), value });
  }

  dropHeader(lower: string): void {
    removeHeader(this.headers, lower);
  }

  setQuery(name: ByteString, value: ByteString): void {
    const [path, query = ''] = this.#split();
    this.target = `${path}?${placeField(query, name, value, percentEncode)}`;
    this.#expected.query?.delete(name);
  }

  setForm(name: ByteString, value: ByteString): void {
    this.#change('form', this.#form.place(this.#bodyAs('form'), name, value));
    this.#expected.form?.delete(name);
  }

  setJson(name: ByteString, value: ByteString): void {
    const body = this.#bodyAs('json');
    if (!isJsonObject(body)) throw badBody('The body must be a JSON object: the credential goes into a field of it.');
    this.#change('json', placeJsonMember(body, name, value));
    this.#expected.json?.delete(name);
  }

  /**
   * Wraps the JSON body in a field: `{"a":1}` becomes `{"<field>":"eyJhIjoxfQ=="}`. A body that is wrapped already stays as it
   * is. `show`, if given, replaces the base64 encoding. Throws `bad_body`.
   */
  wrapBase64(field: ByteString, show?: (body: ByteString) => ByteString): void {
    this.#bodyAs('json');
    const { body } = this;
    if (this.#isWrapped(body, field)) return;
    const value = show ? encodeString(show(body)) : `"${toBytes(body).toString('base64')}"`;
    this.#change('json', `{${encodeString(field)}:${value}}`);
  }

  get #whole(): ByteString {
    this.#body ??= fromBytes(this.#bytes);
    return this.changedBody ?? this.#body;
  }

  #formField(name: ByteString, why: string): ByteString {
    const body = this.#bodyAs('form');
    this.#fields ??= this.#form.read(body);
    const value = onlyOne(this.#fields.get(name) ?? [], `The field "${name}" ${why}`);
    if (toUnicode(value) === undefined) throw badBody(`The field "${name}" ${why} and is not UTF-8.`);
    return value;
  }

  get #form(): BodyForm {
    return formOf(headerValue(this.headers, 'content-type'));
  }

  #visibleQuery(): ByteString | undefined {
    const [, query] = this.#split();
    const expected = this.#expected.query;
    if (!query || !expected?.size) return query;
    // When nothing remains, the question mark goes too: the caller's query held only fields that we replace.
    return dropFields(query, expected) || undefined;
  }

  #isWrapped(body: ByteString, field: ByteString): boolean {
    const count = countOnlyKey(body, field);
    if (count === 0) return false;
    if (count > 1) throw badBody(`The JSON field "${field}" goes into the credential and was sent twice.`);
    const found = readJsonScalar(body, [field]);
    return 'text' in found && isBase64Json(found.text);
  }

  #split(): [path: ByteString, query: ByteString | undefined] {
    const mark = this.target.indexOf('?');
    return mark < 0 ? [this.target, undefined] : [this.target.slice(0, mark), this.target.slice(mark + 1)];
  }

  #change(kind: BodyKind, body: ByteString): void {
    this.changedBody = body;
    this.#fields = undefined;
    // A body that came without a Content-Type gets one now: the provider couldn't read our field otherwise.
    if (headerValue(this.headers, 'content-type') === undefined) this.headers.push('content-type', MEDIA[kind].type);
  }

  /** The whole body, after a check that it is of that kind. Throws `bad_body` with the reason. */
  #bodyAs(kind: BodyKind): ByteString {
    if (!this.#checked.has(kind)) {
      checkBody(kind, this.headers, this.bytes);
      this.#checked.add(kind);
    }
    return this.#whole;
  }
}

/** The request that templates see when there is none: everything in it is empty. */
export const EMPTY_REQUEST: RequestView = new RequestDraft({
  method: '',
  target: '',
  headers: [],
  body: null,
  origin: '',
  pathBelow: (path) => path,
});
