// Matches characters that JSON doesn't escape but a terminal may act on: DEL, the C1 controls, line separators, and marks that
// are invisible or change the direction of text.
const UNSEEN = /[\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f]/g;

const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Writes a text as a JSON string. No character in it can break the line or act on a terminal. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(UNSEEN, escape);
}

/** Writes a plain value as JSON, as safe as {@link quote}. A value that JSON doesn't know is null. */
export function toJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(UNSEEN, escape);
}

/** Makes a text safe for one line on a terminal: line breaks and control characters are escaped. */
export function oneLine(text: string): string {
  return PLAIN.test(text) ? text : text.replace(CONTROL, escape).replace(UNSEEN, escape);
}

const FRACTION = Array.from({ length: 1_000 }, (_, i) => (i === 0 ? '' : String(i / 1_000).slice(1)));

/**
 * Writes milliseconds with up to three decimals; "0" for a negative or unsafe number. This is much cheaper than the engine's
 * own conversion of a number.
 */
export function decimalMs(ms: number): string {
  const us = Math.round(ms * 1_000);
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) return '0';
  const whole = Math.floor(us / 1_000);
  return whole + (FRACTION[us - whole * 1_000] as string);
}

/** Creates a function that gives `now()` (epoch milliseconds) as ISO 8601 text. The text is made once per millisecond. */
export function isoTimes(now: () => number): () => string {
  let last = -1;
  let text = '';
  return () => {
    const ms = now();
    if (ms !== last) {
      last = ms;
      text = new Date(ms).toISOString();
    }
    return text;
  };
}
