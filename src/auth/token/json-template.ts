import type { JsonTemplate } from '../../config/profile/profile.ts';
import { parseNumber } from '../../core/units.ts';
import type { Compile, Compiled } from '../template.ts';
import { type ByteString, toUnicode } from '../../core/byte-string.ts';

/** How a template is shown: rendered to be sent, or masked to be read. */
export type Show = (template: Compiled) => ByteString;

/** JSON whose texts are templates, compiled: gives the value that they make. */
export type JsonValue = (show: Show) => unknown;

/**
 * Compiles JSON whose texts are templates; members whose text comes out empty are left out.
 * @param hasNumbers Whether `{ number: "{{now.s}}" }` stands for the number that its text makes; without one it is left out.
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

/** The same of a map, of which `{ number: … }` is a field of that name. */
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
