import { styleText } from 'node:util';
import type { Context } from './output.ts';

/** Colours a text if the output takes colours. */
export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** Decides on colours for stdout: on a terminal, unless `NO_COLOR` is set. */
export function paintOn({ stdout, env }: Pick<Context, 'stdout' | 'env'>): {
  readonly paint: Paint;
  readonly color: boolean;
} {
  const color = 'isTTY' in stdout && stdout.isTTY === true && !env['NO_COLOR'];
  return { color, paint: (format, text) => (color ? styleText(format, text, { validateStream: false }) : text) };
}
