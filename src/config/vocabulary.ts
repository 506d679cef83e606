import { jsonSchema } from './json-schema.ts';
import { builtInProfiles } from './profiles.ts';

let words: ReadonlySet<string> | undefined;

/** The words of the format itself, which tell nothing of a config: keys, and values that are chosen from a list. */
export function vocabulary(): ReadonlySet<string> {
  words ??= new Set([...wordsOf(jsonSchema()), ...builtInProfiles(), 'true', 'false', 'null']);
  return words;
}

function* wordsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, inner] of Object.entries(schema)) {
    if (key === 'properties') yield* Object.keys(inner as object);
    if (key === 'enum') yield* (inner as unknown[]).filter((value) => typeof value === 'string');
    yield* wordsOf(inner);
  }
}
