import { TemplateError, parseTemplate } from '../template/template.ts';
import type { Template, TemplateMap, VerifySpec } from './profile.ts';

const VALUES = 'values.';
const CREDENTIALS = 'credentials.';

/** The names in a template. None when its syntax is wrong: that was reported when its value was read. */
export function namesIn(text: string): string[] {
  try {
    return parseTemplate(text).flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
  } catch (error) {
    if (error instanceof TemplateError) return [];
    throw error;
  }
}

/** The names in a template, and in the values that it names. `values.*` itself is not among them. */
export function namesThrough(template: Template, values: TemplateMap): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<string>();
  const open = [template];
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    for (const name of namesIn(text)) {
      if (!name.startsWith(VALUES)) names.add(name);
      else if (!seen.has(name)) {
        seen.add(name);
        open.push(values[name.slice(VALUES.length)] ?? '');
      }
    }
  }
  return names;
}

/** The templates of an entry that decide whether a callback is verified. */
export const decidingTemplates = ({ text, key, equals, require }: VerifySpec): Template[] => [
  text,
  key ?? '',
  ...equals.map(({ value }) => value),
  ...require.map((field) => field.equals),
];

/** The credentials without which these entries verify nothing. */
export function credentialsOf(entries: readonly VerifySpec[], values: TemplateMap): ReadonlySet<string> {
  const names = entries.flatMap(decidingTemplates).flatMap((template) => [...namesThrough(template, values)]);
  return new Set(names.filter((name) => name.startsWith(CREDENTIALS)).map((name) => name.slice(CREDENTIALS.length)));
}
