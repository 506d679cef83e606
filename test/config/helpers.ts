import { parseConfig, type Loaded, type LoadOptions } from '../../src/config/load.ts';

/** Where a text marked `«…»` has its mark. */
export interface Marked {
  readonly text: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** Takes the one mark out of a text. */
export function marked(source: string): Marked {
  const start = source.indexOf('«');
  const before = source.slice(0, start);
  return {
    text: source.replace('«', '').replace('»', ''),
    line: before.split('\n').length,
    column: start - before.lastIndexOf('\n'),
    length: source.indexOf('»') - start - 1,
  };
}

export const NO_ENV: Readonly<Record<string, string>> = {};

export function parse(text: string, options: LoadOptions = {}): Loaded {
  return parseConfig(text, 'proxy.config.yaml', { env: NO_ENV, ...options });
}

/** Code and path of each diagnostic. */
export const problems = (loaded: Loaded): string[] => loaded.diagnostics.map(({ code, path }) => `${code} ${path}`);
