import { defaultTexts } from '../profile/default-text.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import type { HeaderUse } from '../profile/header-use.ts';
import type { CredentialSpec } from '../profile/profile.ts';

/** Says why a text can't be the value of a credential; holds nothing of the text. */
export interface Judge {
  /** Undefined: it can. */
  errorOf(credential: string, text: string): ConfigError | undefined;
  /** What is wrong with the values that defaults make of those that were given. */
  errorsOfDefaults(given: ReadonlyMap<string, string>): readonly ErrorOfDefault[];
}

export interface ErrorOfDefault {
  readonly error: ConfigError;
  readonly madeOf: ReadonlySet<string>;
}

/**
 * Judges by what the profile declares (`without`) and by where it puts the value.
 * @param headerUse Undefined while something is wrong with the profile; its defaults are then not judged.
 */
export function judgeBy(
  declared: Readonly<Record<string, CredentialSpec>>,
  environment: string | undefined,
  headerUse: HeaderUse | undefined,
): Judge {
  const errorOf: Judge['errorOf'] = (credential, text) => {
    const without = Object.hasOwn(declared, credential) ? declared[credential]?.without : undefined;
    const forbidden = Array.from(without ?? '').find((char) => text.includes(char));
    if (forbidden === undefined) return headerUse?.errorOf(credential, text);
    const message = `the credential "${credential}" holds ${JSON.stringify(forbidden)}, which the profile does not allow in it`;
    return new ConfigError('invalid_value', message, `give it without ${JSON.stringify(forbidden)}`);
  };
  return {
    errorOf,
    errorsOfDefaults: (given) =>
      (headerUse ? defaultTexts(declared, environment, given) : []).flatMap(({ credential, text, madeOf }) => {
        const error = text === '' ? undefined : errorOf(credential, text);
        if (error === undefined) return [];
        return { error: new ConfigError(error.code, `${error.message}; its value is its default`, error.help), madeOf };
      }),
  };
}

const BOM = '\ufeff';
const STARTS_WHITE = /^\p{White_Space}/u;
const ENDS_WHITE = /\p{White_Space}$/u;
const CONTROL = /\p{Cc}/u;
const LINE_BREAK = /[\r\n]/;
const PEM = /^-----BEGIN [^\r\n]+-----\r?$[^]*^-----END [^\r\n]+-----\r?$/m;
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/;
/** Encoders wrap at 64 (PEM) or 76 (MIME) characters; what is shorter may as well be several secrets, one per line. */
const SHORTEST_WRAPPED = 60;

/**
 * What makes a credential look as if something slipped into it on the way, in words that hold nothing of it: white space or a byte
 * order mark at an end, a control character. Line breaks belong to a key in PEM, or in base64 of several lines.
 */
export function suspicionOf(text: string): string | undefined {
  const seen = hasLinesRightly(text) ? text.replace(/[\r\n]+$/, '').replaceAll(/[\r\n]+/g, ' ') : text;
  if (seen.startsWith(BOM)) return 'begins with a byte order mark';
  if (seen.endsWith(BOM)) return 'ends with a byte order mark';
  if (STARTS_WHITE.test(seen)) return `begins with ${LINE_BREAK.test(seen[0] ?? '') ? 'a line break' : 'white space'}`;
  if (ENDS_WHITE.test(seen)) return `ends with ${LINE_BREAK.test(seen.at(-1) ?? '') ? 'a line break' : 'white space'}`;
  if (LINE_BREAK.test(seen)) return 'holds a line break';
  return CONTROL.test(seen) ? 'holds a control character' : undefined;
}

function hasLinesRightly(text: string): boolean {
  return LINE_BREAK.test(text) && (PEM.test(text) || isBase64OfLines(text));
}

/** Whether it was wrapped by an encoder: lines of one length, the last one aside, that whole groups of four make. */
function isBase64OfLines(text: string): boolean {
  const [first = '', ...more] = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const last = more.at(-1);
  if (last === undefined || first.length < SHORTEST_WRAPPED || first.length % 4 !== 0) return false;
  if (last.length > first.length) return false;
  return [first, ...more].every(
    (line, i) => BASE64_LINE.test(line) && (i === more.length || (line.length === first.length && !line.endsWith('='))),
  );
}
