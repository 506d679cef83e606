import { type ByteString, encodeString, fromUnicode, toUnicode } from '../core/byte-string.ts';

/**
 * The functions below find and change places in JSON text without parsing it. So numbers (`1.10`, `12345678901234567890`),
 * spaces, the order of keys and duplicate keys keep their bytes. The text must be valid JSON (RFC 8259) in UTF-8; the callers
 * have checked that.
 */

interface Member {
  /** The decoded name. Undefined for a name that is not valid Unicode (`"\ud800"`), so that it equals no other. */
  readonly name: ByteString | undefined;
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * What a path leads to in JSON text. `text` is the decoded string, or any other scalar as it is written. `problem` says why
 * there is no scalar.
 */
export type JsonScalar =
  | { readonly text: ByteString; readonly isNull?: true }
  | { readonly problem: 'absent' | 'twice' | 'no_scalar' };

/** Whether the text's outermost value is an object. */
export function isJsonObject(json: ByteString): boolean {
  return json[skipSpace(json, 0)] === '{';
}

/** The number of members of the outermost object, if all of them are named `key`; else 0. */
export function countOnlyKey(json: ByteString, key: ByteString): number {
  const start = skipSpace(json, 0);
  if (json[start] !== '{') return 0;
  // This is a fast path: usually the first key is another one, and the rest of the text need not be read.
  const first = skipSpace(json, start + 1);
  if (json[first] === '}' || decodeString(json.slice(first, skipString(json, first))) !== key) return 0;
  const members = membersOf(json, start);
  return members.every(({ name }) => name === key) ? members.length : 0;
}

/**
 * A name that stands twice in one object, anywhere in the text; undefined when there is none. The names in `caseless` (in lower
 * case) are compared without case, as some programs read them.
 */
export function doubledName(json: ByteString, caseless: ReadonlySet<string>): ByteString | undefined {
  const pattern = /["{}[\]]/g;
  /** The names so far of each open object; a list has none. */
  const open: Set<ByteString>[] = [];
  for (let match = pattern.exec(json); match; match = pattern.exec(json)) {
    if (match[0] === '{' || match[0] === '[') open.push(new Set());
    else if (match[0] !== '"') open.pop();
    else {
      const end = skipString(json, match.index);
      pattern.lastIndex = end;
      // In valid JSON, a string before a colon is a name.
      if (json[skipSpace(json, end)] !== ':') continue;
      const name = decodeString(json.slice(match.index, end)) ?? json.slice(match.index, end);
      const lower = name.toLowerCase();
      const known = caseless.has(lower) ? lower : name;
      const names = open.at(-1);
      if (names?.has(known)) return name;
      names?.add(known);
    }
  }
  return undefined;
}

/** Reads the scalar at `path`, which has one key per level of objects. */
export function readJsonScalar(json: ByteString, path: readonly ByteString[]): JsonScalar {
  let start = skipSpace(json, 0);
  let end = skipValue(json, start);
  for (const key of path) {
    if (json[start] !== '{') return { problem: 'absent' };
    const found = membersOf(json, start).filter(({ name }) => name === key);
    if (found.length > 1) return { problem: 'twice' };
    if (!found[0]) return { problem: 'absent' };
    start = found[0].valueStart;
    end = found[0].valueEnd;
  }
  if (json[start] === '{' || json[start] === '[') return { problem: 'no_scalar' };
  if (json[start] !== '"') return { text: json.slice(start, end), ...(json[start] === 'n' && { isNull: true }) };
  const text = decodeString(json.slice(start, end));
  return text === undefined ? { problem: 'no_scalar' } : { text };
}

/**
 * Sets the string `value` under `name`. It replaces the value of the first member of that name, and other members of that name
 * are removed. If there is none, a member is appended. All other bytes stay.
 * `json` must be an object.
 */
export function placeJsonMember(json: ByteString, name: ByteString, value: ByteString): ByteString {
  const start = skipSpace(json, 0);
  const members = membersOf(json, start);
  const encoded = encodeString(value);
  let result = '';
  let kept = 0;
  let isPlaced = false;
  for (const [index, member] of members.entries()) {
    if (member.name !== name) continue;
    if (isPlaced) result += json.slice(kept, (members[index - 1] as Member).valueEnd);
    else result += json.slice(kept, member.valueStart) + encoded;
    kept = member.valueEnd;
    isPlaced = true;
  }
  if (!isPlaced) {
    const last = members.at(-1);
    kept = last?.valueEnd ?? start + 1;
    result = `${json.slice(0, kept)}${last ? ',' : ''}${encodeString(name)}:${encoded}`;
  }
  return result + json.slice(kept);
}

/**
 * Removes the members whose names are in `names`, each with the comma before it; members at the start go with the comma after
 * them. All other bytes stay. So dropping a name yields the same text before and after {@link placeJsonMember} sets it.
 * `json` must be an object.
 */
export function dropJsonMembers(json: ByteString, names: ReadonlySet<ByteString>): ByteString {
  const members = membersOf(json, skipSpace(json, 0));
  const isDropped = ({ name }: Member): boolean => name !== undefined && names.has(name);
  let result = '';
  let at = 0;
  const cut = (start: number, end: number): void => {
    result += json.slice(at, start);
    at = end;
  };
  const firstKept = members.find((member) => !isDropped(member));
  const [first] = members;
  if (first && first !== firstKept) cut(first.start, firstKept?.start ?? (members.at(-1) as Member).valueEnd);
  for (const [index, member] of members.entries()) {
    if (member.start >= at && isDropped(member)) cut((members[index - 1] as Member).valueEnd, member.valueEnd);
  }
  return result + json.slice(at);
}

/** The members of the object that opens at `start`, in order, duplicates included. */
function membersOf(json: ByteString, start: number): Member[] {
  const members: Member[] = [];
  let at = skipSpace(json, start + 1);
  while (json[at] !== '}') {
    if (json[at] === ',') at = skipSpace(json, at + 1);
    const nameEnd = skipString(json, at);
    const name = decodeString(json.slice(at, nameEnd));
    const valueStart = skipSpace(json, skipSpace(json, nameEnd) + 1);
    const valueEnd = skipValue(json, valueStart);
    members.push({ name, start: at, valueStart, valueEnd });
    at = skipSpace(json, valueEnd);
  }
  return members;
}

function decodeString(raw: ByteString): ByteString | undefined {
  if (!raw.includes('\\')) return raw.slice(1, -1);
  const text = JSON.parse(toUnicode(raw) as string) as string;
  return text.isWellFormed() ? fromUnicode(text) : undefined;
}

function skipSpace(json: ByteString, start: number): number {
  let at = start;
  for (;;) {
    const char = json.charCodeAt(at);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return at;
    at++;
  }
}

function skipString(json: ByteString, start: number): number {
  let end = start;
  for (;;) {
    end = json.indexOf('"', end + 1);
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function skipValue(json: ByteString, start: number): number {
  const first = json[start];
  if (first === '"') return skipString(json, start);
  return first === '{' || first === '[' ? skipContainer(json, start) : start + scalarLength(json, start);
}

function scalarLength(json: ByteString, start: number): number {
  const pattern = /[^\s,}\]]*/y;
  pattern.lastIndex = start;
  return pattern.exec(json)?.[0].length ?? 0;
}

function skipContainer(json: ByteString, start: number): number {
  const pattern = /["{}[\]]/g;
  pattern.lastIndex = start;
  let depth = 0;
  for (;;) {
    const match = pattern.exec(json) as RegExpExecArray;
    if (match[0] === '"') pattern.lastIndex = skipString(json, match.index);
    else depth += match[0] === '{' || match[0] === '[' ? 1 : -1;
    if (depth === 0) return match.index + 1;
  }
}
