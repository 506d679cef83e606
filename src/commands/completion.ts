import { readFileSync, writeSync } from 'node:fs';
import { findConfigFile } from '../config/find-file.ts';
import { builtInProfiles } from '../config/shipped.ts';
import type { Env } from './output.ts';
import { type Lookup, namesIn, wordsFor } from './words.ts';

/** The file that the words name, or the one that would be found. */
function configText(words: readonly string[], env: Env, cwd: string): string {
  const at = words.indexOf('--config');
  const file = findConfigFile(at < 0 ? undefined : words[at + 1], env, cwd);
  return file === undefined ? '' : readFileSync(file, 'utf8');
}

/** What the last of these words may become, a line each; nothing where something can't be read, since TAB must not complain. */
function completionWords(words: readonly string[], env: Env): string {
  const lookup: Lookup = (operand) => {
    try {
      if (operand === 'profile') return builtInProfiles();
      const { callers, providers, paths } = namesIn(configText(words, env, process.cwd()));
      const names: Partial<Record<typeof operand, readonly string[]>> = {
        caller: callers,
        provider: providers,
        path: paths,
      };
      return names[operand] ?? [];
    } catch {
      return [];
    }
  };
  return wordsFor(words, lookup)
    .map((word) => `${word}\n`)
    .join('');
}

/** Whether a shell asks at TAB: `completion --words -- WORD …`. */
export const isWordsCall = ([command, option]: readonly string[]): boolean =>
  command === 'completion' && option === '--words';

/** Answers such a call on stdout, and ends the process. */
export function answerWords([, , , ...words]: readonly string[]): never {
  writeSync(1, completionWords(words, process.env));
  process.exit();
}
