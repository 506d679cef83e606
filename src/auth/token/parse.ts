import type { TokenFormat } from '../../config/profile/profile.ts';
import { readFields } from '../fields.ts';
import { fromUnicode, toUnicode } from '../../core/byte-string.ts';

/** A parsed body, or why it can't be parsed. Pointers lead into `root`, which is undefined for the format `text`. */
export type Parsed = { readonly root: unknown; readonly text: string } | { readonly why: string };

const PARSERS: Readonly<Record<TokenFormat, (text: string) => Parsed>> = {
  json: (text) => {
    try {
      return { root: JSON.parse(text) as unknown, text };
    } catch {
      // The parser's message is dropped because it quotes the body, which may hold a token.
      return { why: text.trim() === '' ? 'the answer is empty' : 'it is not JSON' };
    }
  },
  form: (text) => {
    if (text === '') return { why: 'the answer is empty' };
    return looksLikeMarkup(text) ? { why: 'it is not a form' } : { root: fieldsOf(text), text };
  },
  text: (text) => {
    if (text === '') return { why: 'the answer is empty' };
    return looksLikeMarkup(text) || isObject(text) ? { why: 'it is a document' } : { root: undefined, text };
  },
};

/**
 * Parses the body of a token answer in the profile's format. A form becomes an object of texts; a name that occurs more than
 * once gets a list of texts.
 */
export function parseBody(format: TokenFormat, body: Uint8Array): Parsed {
  const text = decodeUtf8(body);
  if (text === undefined) return { why: 'it is not UTF-8' };
  return PARSERS[format](format === 'json' ? text : text.trim());
}

/**
 * Parses an answer without a token, to find an error code in it; undefined if that fails. Most servers write errors in JSON,
 * whatever the format of their tokens. So a body is read as a form only if the format says so and it doesn't start like JSON.
 */
export function parseLoosely(format: TokenFormat, body: Uint8Array): unknown {
  const text = decodeUtf8(body)?.trim() ?? '';
  const parsed = PARSERS[format === 'form' && !text.startsWith('{') ? 'form' : 'json'](text);
  return 'root' in parsed ? parsed.root : undefined;
}

function decodeUtf8(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

const looksLikeMarkup = (text: string): boolean => text.startsWith('<');

/** Whether the text is a JSON object. A server whose answers are a bare token still writes its errors in JSON. */
const isObject = (text: string): boolean => text.startsWith('{') && 'root' in PARSERS.json(text);

function fieldsOf(text: string): unknown {
  const fields = [...readFields(fromUnicode(text))].map(([name, values]) => {
    const decoded = values.map((value) => toUnicode(value));
    return [toUnicode(name) ?? name, decoded.length === 1 ? decoded[0] : decoded] as const;
  });
  return Object.fromEntries(fields);
}
