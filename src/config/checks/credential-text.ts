import { defaultTexts, type Endpoints } from '../profile/default-text.ts';
import { ConfigError } from '../diagnostics/config-error.ts';
import { HeaderUse } from '../profile/header-use.ts';
import type { CredentialSpec, Profile } from '../profile/profile.ts';
import { keyReader, type ReadKeys } from './credential-keys.ts';

/** Decides whether a text can be the value of a credential. Its errors hold nothing of the text. */
export interface Judge {
  /** Why the text can't be the value (`invalid_value`). Undefined when it can. */
  errorOf(credential: string, text: string): ConfigError | undefined;
  /** What is wrong with the values that defaults make of the given ones (name → text). */
  errorsOfDefaults(given: ReadonlyMap<string, string>): readonly ErrorOfDefault[];
  /** One sentence for each certificate among the values that has expired or soon will. Undefined: they hold none. */
  readonly agesOf?: (values: ReadonlyMap<string, string>) => readonly string[];
  /** The keys among the given values and the defaults. */
  keysOf(given: ReadonlyMap<string, string>): ReadKeys;
}

/** What is wrong with a default's value, and the given credentials that it is made of. */
export interface ErrorOfDefault {
  readonly error: ConfigError;
  readonly madeOf: ReadonlySet<string>;
}

/**
 * Makes a judge of what the profile declares (`without`) and of the places where it puts the value.
 * @param profile Undefined when something is wrong with it. Its defaults are not judged then.
 */
export function judgeBy(
  declared: Readonly<Record<string, CredentialSpec>>,
  environment: string | undefined,
  endpoints: Endpoints,
  profile: Profile | undefined,
): Judge {
  const headerUse = profile && new HeaderUse(profile);
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
      (headerUse ? defaultTexts(declared, environment, endpoints, given) : []).flatMap(
        ({ credential, text, madeOf }) => {
          const error = text === '' ? undefined : errorOf(credential, text);
          if (error === undefined) return [];
          return {
            error: new ConfigError(error.code, `${error.message}; its value is its default`, error.help),
            madeOf,
          };
        },
      ),
    keysOf: keyReader(declared, environment, endpoints, profile),
  };
}

const BOM = '\ufeff';
const STARTS_WHITE = /^\p{White_Space}/u;
const ENDS_WHITE = /\p{White_Space}$/u;
const CONTROL = /\p{Cc}/u;
const LINE_BREAK = /[\r\n]/;
const PEM = /^-----BEGIN [^\r\n]+-----\r?$[^]*^-----END [^\r\n]+-----\r?$/m;
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/;
/** Encoders wrap lines at 64 (PEM) or 76 (MIME) characters. Shorter lines may just as well be several secrets. */
const SHORTEST_WRAPPED = 60;

/**
 * What makes a credential look as if something got into it by mistake: white space or a byte order mark at an end, or a control
 * character. The result completes the sentence "the credential …" and holds nothing of the text. Undefined: nothing is
 * suspicious. Line breaks are right in a PEM key, and in base64 of several lines.
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

/** Whether an encoder wrapped the text: all lines but the last have one length, and that is a multiple of four. */
function isBase64OfLines(text: string): boolean {
  const [first = '', ...more] = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const last = more.at(-1);
  if (last === undefined || first.length < SHORTEST_WRAPPED || first.length % 4 !== 0) return false;
  if (last.length > first.length) return false;
  return [first, ...more].every(
    (line, i) => BASE64_LINE.test(line) && (i === more.length || (line.length === first.length && !line.endsWith('='))),
  );
}
