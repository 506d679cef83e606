const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Reads a decimal number, perhaps with a minus sign, a fraction and an exponent. Returns undefined for anything else. */
export function parseNumber(text: string): number | undefined {
  const value = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function parse(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const value = Number(match[1]) * (units[match[2] as string] as number);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Reads a duration (`250ms`, `10s`, `5m`, `24h`, `1d`) as milliseconds. Returns undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parse(text, /^(\d+)(ms|s|m|h|d)$/, DURATION_MS);
}

/** Writes milliseconds as in the config: `10s`, `1500ms`, `5m`. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms > 0 && ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** Writes a number of bytes as in the config: `64MiB`, `4KiB`, `100B`. */
export function formatSize(bytes: number): string {
  const units = Object.entries(SIZE_BYTES).toReversed();
  const [unit, size] = units.find(([, each]) => bytes > 0 && bytes % each === 0) ?? ['B', 1];
  return `${bytes / size}${unit}`;
}

/** Reads a size (`512B`, `64KiB`, `1MiB`, `1GiB`) as bytes. Returns undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parse(text, /^(\d+)(B|KiB|MiB|GiB)$/, SIZE_BYTES);
}
