import type { JsonTemplate } from '../../config/profile/profile.ts';
import { parseNumber } from '../../core/units.ts';
import type { Compile, Show } from '../template.ts';
import { toUnicode } from '../../core/byte-string.ts';

/** A compiled JSON template: gives the JSON value that it stands for. */
export type JsonValue = (show: Show) => unknown;

/**
 * Compiles a JSON value whose strings are templates. Members of a map that render as empty text are left out.
 * @param hasNumbers Whether `{ number: "{{now.s}}" }` stands for a number. It is left out if its text is no number.
 */
export function compileJson(template: JsonTemplate, compile: Compile, hasNumbers = false): JsonValue {
  if (typeof template === 'string') {
    const compiled = compile(template);
    return (show) => {
      const text = show(compiled);
      return toUnicode(text) ?? text;
    };
  }
  if (template === null || typeof template !== 'object') return () => template;
  if (isList(template)) {
    const items = template.map((item) => compileJson(item, compile, hasNumbers));
    return (show) => items.map((item) => item(show)).filter((item) => item !== undefined);
  }
  const { number } = template;
  if (hasNumbers && number !== undefined && Object.keys(template).length === 1) {
    const value = compileJson(number, compile);
    return (show) => parseNumber(String(value(show)));
  }
  return compileMap(template, compile, hasNumbers);
}

/** Like {@link compileJson}, for a map at the top. There, `number` is an ordinary name even if it is the only one. */
export function compileMap(
  template: Readonly<Record<string, JsonTemplate>>,
  compile: Compile,
  hasNumbers = false,
): (show: Show) => Record<string, unknown> {
  const members = Object.entries(template).map(
    ([name, value]) => [name, compileJson(value, compile, hasNumbers)] as const,
  );
  return (show) =>
    Object.fromEntries(
      members.map(([name, value]) => [name, value(show)]).filter(([, value]) => value !== '' && value !== undefined),
    );
}

const isList = (template: object): template is readonly JsonTemplate[] => Array.isArray(template);
