import { timingSafeEqual } from 'node:crypto';
import { ALGORITHMS } from '../../keys/algorithms.ts';
import type { ReceivedPlace, TextSignSpec, VerifySpec } from '../../config/profile/profile.ts';
import { decidingTemplates } from '../../config/profile/read-names.ts';
import { SIGNATURE } from '../../config/profile/verify-check.ts';
import { type ByteString, fromUnicode, toBytes } from '../../core/byte-string.ts';
import { parseDateTime } from '../../core/date-time.ts';
import { compileKey, NO_KEY } from '../key.ts';
import { badBody } from '../problem.ts';
import type { Scope } from '../scope.ts';
import { type Compile, type Compiled, isStable } from '../template.ts';
import { compileWhen, type When } from '../when.ts';
import type { ReceivedCallback, Structure } from './received.ts';

/** One place where the signature may stand, with what stands around it. */
interface SignaturePlace extends ReceivedPlace {
  readonly before: Compiled;
  readonly after: Compiled;
}

/** One compiled entry of a profile's `verify`. */
export interface Entry {
  readonly when: When;
  readonly structure: Structure;
  readonly algorithm: TextSignSpec['algorithm'];
  readonly text: Compiled;
  readonly places: readonly SignaturePlace[];
  /** The credentials that it reads, without any of which nothing is verified. */
  readonly credentials: readonly string[];
  /** Names of headers, in lower case, whose right value is the same for all callbacks: a password, in effect. */
  readonly fixedHeaders: readonly string[];
  /** Renders what makes two callbacks the same; undefined: nothing of its own. */
  readonly id: Compiled | undefined;
  /** Throws `bad_body` for a callback that two programs may read differently where this entry reads it. */
  checkBody(callback: ReceivedCallback): void;
  /** Throws `bad_body` if a field in the text holds the text that joins the fields. */
  checkSeparator(scope: Scope): void;
  /** Whether the fields have the values that they must have. */
  hasRequired(callback: ReceivedCallback, scope: Scope): boolean;
  /**
   * The signature that one of the places holds and that is right, in the encoding of the entry, hex in lower case. Undefined: none
   * does.
   */
  signatureIn(callback: ReceivedCallback, scope: Scope): string | undefined;
  /** The signature that would be right; undefined where only the provider can make it. */
  expected(scope: Scope): string | undefined;
  /** How far the callback's time lies from `nowMs`, beyond what is tolerated; 0 when it doesn't. Throws `bad_body` for no time. */
  staleMs(callback: ReceivedCallback, nowMs: number): number;
}

/** Compiles one entry of `verify`. */
export function compileEntry(spec: VerifySpec, compile: Compile): Entry {
  const { algorithm, encode, form, timestamp, separator } = spec;
  const rule = ALGORITHMS[algorithm];
  const text = compile(spec.text);
  const key = spec.key === undefined ? undefined : compileKey(spec.key, rule.key, compile);
  const places = spec.equals.map((place): SignaturePlace => {
    const [before = '', after = ''] = place.value.split(SIGNATURE);
    return { ...place, before: compile(before), after: compile(after) };
  });
  const required = spec.require.map((field) => ({ ...field, value: compile(field.equals) }));
  const deciding = decidingTemplates(spec).map(compile);
  const read = readIn(spec, compile);
  const isOpen = !text.names.has('request.body');
  const fields = [...text.names]
    .flatMap((name) => fieldIn(name) ?? [])
    .map(({ family, name }) => ({
      name,
      isFree: separator?.allowedIn.includes(name) === true,
      look: compile(`{{${family}.${name}}}`),
    }));
  const isFixed = isStable(text) && (!key || isStable(key.template));
  return {
    when: compileWhen(spec.when),
    structure: { unwrap: spec.unwrap, parts: spec.parts },
    algorithm,
    text,
    places,
    credentials: [...new Set(deciding.flatMap(({ names }) => [...names]))]
      .filter((name) => name.startsWith('credentials.'))
      .map((name) => name.slice('credentials.'.length)),
    fixedHeaders: [
      ...(isFixed ? places.filter(({ before, after }) => isStable(before) && isStable(after)) : []),
      ...required.filter(({ value }) => isStable(value)),
    ].flatMap(({ place, name }) => (place === 'header' ? [name] : [])),
    id: spec.id === undefined ? undefined : compile(spec.id),
    checkBody(callback) {
      if (!isOpen) return;
      if (read.form.size > 0) callback.checkForm();
      if (read.json.size > 0) callback.checkJson(read.json);
      if (read.inner.size > 0) callback.checkInner(read.inner);
    },
    checkSeparator(scope) {
      if (!separator) return;
      const joint = fromUnicode(separator.text);
      const found = fields.find(({ isFree, look }) => !isFree && look.render(scope).includes(joint));
      if (found) throw badBody(`The field "${found.name}" holds the text between the fields.`);
    },
    hasRequired: (callback, scope) =>
      required
        .map((field) => callback.at(field).some((value) => isSame(toBytes(value), toBytes(field.value.render(scope)))))
        .every(Boolean),
    signatureIn(callback, scope) {
      const bytes = toBytes(text.render(scope));
      const given = key?.read(scope) ?? NO_KEY;
      const right = places.flatMap((place) => {
        const frame = { before: place.before.render(scope), after: place.after.render(scope) };
        return callback.at(place).flatMap((value) => {
          const signature = signatureBetween(value, frame, encode);
          return signature && rule.verify(given, bytes, signature, form) ? [signature.toString(encode)] : [];
        });
      });
      return right[0];
    },
    expected(scope) {
      if (rule.key !== 'none' && rule.key !== 'secret') return undefined;
      return rule.sign(key?.read(scope) ?? NO_KEY, toBytes(text.render(scope)), form).toString(encode);
    },
    staleMs(callback, nowMs) {
      if (!timestamp) return 0;
      const [value = '', another] = callback.at(timestamp);
      const atMs = another === undefined ? readTime(value, timestamp.unit) : Number.NaN;
      if (Number.isNaN(atMs)) throw badBody('The callback says no time when it was signed.');
      const offMs = Math.abs(nowMs - atMs);
      return offMs > timestamp.toleranceMs ? offMs : 0;
    },
  };
}

/** Whether two byte strings are the same. How long that takes depends on their lengths alone. */
const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/**
 * The signature in a text, between what has to stand around it. Undefined when something else is around it, or when it is not
 * encoded as it must be: hex in any case, base64 with its padding, base64url without.
 */
function signatureBetween(
  text: ByteString,
  { before, after }: { readonly before: ByteString; readonly after: ByteString },
  encode: TextSignSpec['encode'],
): Buffer | undefined {
  const end = text.length - after.length;
  if (end <= before.length) return undefined;
  const frame = toBytes(text.slice(0, before.length) + text.slice(end));
  const encoded = text.slice(before.length, end);
  const bytes = Buffer.from(encoded, encode);
  const isCanonical = bytes.toString(encode) === (encode === 'hex' ? encoded.toLowerCase() : encoded);
  return isCanonical && isSame(frame, toBytes(before + after)) ? bytes : undefined;
}

/** Reads a time as epoch milliseconds; NaN for anything else. */
function readTime(text: string, unit: 's' | 'ms' | 'iso'): number {
  if (unit === 'iso') return parseDateTime(text);
  if (!/^\d{1,15}$/.test(text)) return Number.NaN;
  return unit === 's' ? Number(text) * 1_000 : Number(text);
}

type Family = 'request.form' | 'request.json' | 'inner';

/** The field of the body that a template name reads. */
function fieldIn(name: string): { readonly family: Family; readonly name: string } | undefined {
  const family = (['request.form', 'request.json', 'inner'] as const).find((each) => name.startsWith(`${each}.`));
  return family && { family, name: name.slice(family.length + 1) };
}

/** The names, in lower case, that an entry reads in the form, the JSON and the inner JSON. */
function readIn(spec: VerifySpec, compile: Compile): Readonly<Record<'form' | 'json' | 'inner', ReadonlySet<string>>> {
  const names = [...decidingTemplates(spec), spec.id ?? ''].flatMap((template) => [...compile(template).names]);
  const places = [...spec.equals, ...spec.require, ...(spec.timestamp ? [spec.timestamp] : [])];
  const read = { form: new Set<string>(), json: new Set<string>(), inner: new Set<string>() };
  const add = (kind: keyof typeof read, name: string): void => {
    for (const part of kind === 'form' ? [name] : name.split('.')) read[kind].add(part.toLowerCase());
  };
  for (const name of names) {
    const field = fieldIn(name);
    if (field) add(field.family === 'inner' ? 'inner' : field.family === 'request.form' ? 'form' : 'json', field.name);
  }
  for (const { place, name } of places) if (place === 'form' || place === 'json') add(place, name);
  // A condition on JSON doesn't make JSON of a form.
  for (const { place, name } of spec.when.fields ?? []) {
    if ((place === 'form' || place === 'json') && read[place].size > 0) add(place, name);
  }
  if (read.inner.size > 0 && spec.unwrap !== undefined) add('json', spec.unwrap);
  return read;
}
