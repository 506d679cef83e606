import { jsonSchema } from './json-schema.ts';
import { builtInProfiles, builtInText } from './shipped.ts';

let words: ReadonlySet<string> | undefined;

/** The words of the format itself: its keys, its names, and the values of its choices. They reveal nothing about a config. */
export function vocabulary(): ReadonlySet<string> {
  words ??= new Set([...wordsOf(jsonSchema()), ...profileWords(), ...OTHERS]);
  return words;
}

const OTHERS = ['true', 'false', 'null', 'http', 'https', 'redis', 'rediss', 'unix', 'localhost'];

/** The names of the built-in profiles, and the keys in them. */
function* profileWords(): Generator<string> {
  for (const name of builtInProfiles()) {
    yield name;
    for (const [, key = ''] of builtInText(name).matchAll(/(?<![\w-])([a-z][a-z_-]+):/g)) yield key;
  }
}

function* wordsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, inner] of Object.entries(schema)) {
    if (key === 'properties') yield* Object.keys(inner as object);
    if (key === 'enum') yield* (inner as unknown[]).filter((value) => typeof value === 'string');
    yield* wordsOf(inner);
  }
}
