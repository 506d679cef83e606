// Beyond what JSON escapes: DEL, the C1 controls, line separators, and the marks that turn the direction of a text on a terminal.
const UNSEEN = /[\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f]/g;

const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A JSON string; no character in it can break the line or act on a terminal. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(UNSEEN, escape);
}

/** JSON text of any plain value, as safe as {@link quote}. */
export function toJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(UNSEEN, escape);
}

/** A text for a person's terminal: no line breaks, no control characters. */
export function oneLine(text: string): string {
  return PLAIN.test(text) ? text : text.replace(CONTROL, escape).replace(UNSEEN, escape);
}

const FRACTION = Array.from({ length: 1_000 }, (_, i) => (i === 0 ? '' : String(i / 1_000).slice(1)));

/** A number of milliseconds with up to three decimals; much cheaper than the engine's own shortest decimal. */
export function decimalMs(ms: number): string {
  const us = Math.round(ms * 1_000);
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) return '0';
  const whole = Math.floor(us / 1_000);
  return whole + (FRACTION[us - whole * 1_000] as string);
}

/** Yields `now()` as ISO 8601 text, made once per millisecond. */
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
