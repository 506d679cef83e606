import { isUtf8 } from 'node:buffer';
import type { ReceivedPlace, VerifySpec } from '../../config/profile/profile.ts';
import { type ByteString, fromBytes, fromUnicode } from '../../core/byte-string.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import { looksLike } from '../body.ts';
import { RequestDraft } from '../draft.ts';
import { readFields } from '../fields.ts';
import { formOf } from '../form.ts';
import { doubledName, readJsonScalar } from '../json.ts';
import { readMediaType } from '../media-type.ts';
import { badBody } from '../problem.ts';
import type { CallbackView, RequestView } from '../scope.ts';

/** A callback as it came, with its whole body. */
export interface Callback {
  readonly method: string;
  /** In origin form, byte for byte. */
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
}

/** What an entry of `verify` needs to know of a callback's structure. */
export type Structure = Pick<VerifySpec, 'unwrap' | 'parts'>;

const FORM_NAME = /^[A-Za-z0-9_-]+$/;
/** What programs read in several ways: a `%` that starts no escape, and a `;`, which was a separator once. */
const ODD_IN_FORM = /%(?![0-9A-Fa-f]{2})|;/;

/**
 * A callback as the templates of one entry see it. What is absent is the empty text. Everything that two programs may read
 * differently is refused, with `bad_body` or `bad_request`: what comes twice, and what can't be decoded for certain.
 */
export class ReceivedCallback implements RequestView, CallbackView {
  readonly method: string;
  readonly query: ByteString;
  readonly pathAndQuery: ByteString;
  readonly body: ByteString;
  /** The request as conditions see it. */
  readonly draft: RequestDraft;
  readonly #headers: RawHeaders;
  readonly #structure: Structure;
  readonly #bytes: Uint8Array;
  #inner: ByteString | undefined;
  #parts: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(callback: Callback, structure: Structure) {
    const { method, target, headers, body } = callback;
    this.method = method;
    this.draft = new RequestDraft({ method, target, headers, body, origin: '', pathBelow: (path) => path });
    this.query = this.draft.query;
    this.pathAndQuery = target;
    this.body = fromBytes(body);
    this.#bytes = body;
    this.#headers = headers;
    this.#structure = structure;
  }

  get path(): ByteString {
    return this.draft.path;
  }

  header(name: string): ByteString {
    return this.draft.header(name);
  }

  formField(name: ByteString): ByteString {
    return this.draft.formField(name);
  }

  jsonField(path: readonly ByteString[]): ByteString {
    const text = this.draft.lookAtJson(path);
    if (text === undefined) throw badBody(`The JSON field "${path.join('.')}" is a list or a map.`);
    return text;
  }

  innerField(path: readonly ByteString[]): ByteString {
    const found = readJsonScalar(this.#innerText(), path);
    if ('text' in found) return found.isNull ? '' : found.text;
    if (found.problem === 'absent') return '';
    throw badBody(`The inner JSON field "${path.join('.')}" came twice, or is a list or a map.`);
  }

  part(name: string): ByteString {
    const values = this.parts(name);
    if (values.length > 1) throw badBody(`The part "${name}" came twice.`);
    return values[0] ?? '';
  }

  /** All values of a part, in order. */
  parts(name: string): readonly ByteString[] {
    this.#parts ??= this.#readParts();
    return this.#parts.get(name) ?? [];
  }

  /** The texts at a place: of a part any number, else one, which is empty when there is nothing. */
  at({ place, name }: ReceivedPlace): readonly ByteString[] {
    if (place === 'part') return this.parts(name);
    if (place === 'header') return [this.header(name)];
    const text = fromUnicode(name);
    if (place === 'query') return [this.draft.lookAtQuery(text)];
    return [place === 'form' ? this.formField(text) : this.jsonField(text.split('.'))];
  }

  /** Throws `bad_body` unless all programs find the same fields in the form. Each stands in it once, under a plain name. */
  checkForm(): void {
    const contentType = headerValue(this.#headers, 'content-type');
    // The draft checks the type, the coding and the charset.
    this.draft.formField('');
    const isMultipart = contentType !== undefined && readMediaType(contentType).essence === 'multipart/form-data';
    if (!isMultipart && ODD_IN_FORM.test(this.body)) throw badBody('The form can be decoded in two ways.');
    const fields = isMultipart ? formOf(contentType).read(this.body) : readFields(this.body);
    const seen = new Set<string>();
    for (const [name, values] of fields) {
      const lower = name.toLowerCase();
      if (!FORM_NAME.test(name)) throw badBody('A name in the form is read differently by different programs.');
      if (values.length > 1 || seen.has(lower)) throw badBody(`The field "${name}" came twice.`);
      seen.add(lower);
    }
  }

  /** Throws `bad_body` unless all programs find the same values under these names (in lower case) in the JSON. */
  checkJson(names: ReadonlySet<string>): void {
    if (!looksLike('json', this.#headers, this.#bytes)) throw badBody('The body is no JSON.');
    // The draft checks that it is JSON in UTF-8.
    this.draft.lookAtJson([]);
    checkNames(this.body, names);
  }

  /** The same for the inner JSON. */
  checkInner(names: ReadonlySet<string>): void {
    checkNames(this.#innerText(), names);
  }

  #innerText(): ByteString {
    this.#inner ??= this.#unwrap(this.#structure.unwrap ?? '');
    return this.#inner;
  }

  #unwrap(field: string): ByteString {
    const wrapped = this.jsonField([fromUnicode(field)]);
    const bytes = Buffer.from(wrapped, 'base64');
    if (wrapped === '' || bytes.toString('base64') !== wrapped || !isUtf8(bytes)) {
      throw badBody(`The JSON field "${field}" is not the base64 of a text.`);
    }
    try {
      JSON.parse(bytes.toString('utf8'));
    } catch {
      throw badBody(`The JSON field "${field}" is not the base64 of JSON.`);
    }
    return fromBytes(bytes);
  }

  #readParts(): ReadonlyMap<string, readonly string[]> {
    const { of = '', separator = ',', pair = '=' } = this.#structure.parts ?? {};
    const parts = new Map<string, string[]>();
    for (const piece of this.header(of).split(separator)) {
      const at = piece.indexOf(pair);
      if (at < 1) throw badBody(`The header ${of} is not made of parts.`);
      const name = piece.slice(0, at).trim();
      const values = parts.get(name) ?? [];
      parts.set(name, [...values, piece.slice(at + pair.length)]);
    }
    return parts;
  }
}

function checkNames(json: ByteString, names: ReadonlySet<string>): void {
  const doubled = doubledName(json, names);
  if (doubled !== undefined) throw badBody(`The name "${doubled}" came twice in one object.`);
}
