import { z } from 'zod';
import * as schemas from '../../src/admin/schemas.ts';
import { ADMIN_ENDPOINTS, EVENT_MEANINGS, SHARED_SCHEMAS, type AdminEndpoint } from './admin-endpoints.ts';
import { block, code, page, table, toHeading, type Part } from './page.ts';

const ABOUT = `The admin address (\`admin.address\`) tells how a running proxy is, and changes a few things of it. \`outrider status\`, \`logs\` and \`reload\` ask it.
Health and metrics are open. What lies below \`/api\` wants \`admin.token\` as \`Authorization: Bearer\`: beyond loopback, where \`listen.access_tokens\` are set, and wherever that token is set.
Web pages of other origins are refused. No answer shows a secret, a token, a signed text or a body.`;

const EXAMPLE = block(
  'sh',
  `curl http://127.0.0.1:8081/api/requests?status=4xx
curl -X POST http://127.0.0.1:8081/api/providers/phonepe/renew
curl -N http://127.0.0.1:8081/api/events`,
);

const ERRORS = `Errors are ${toHeading('Problem', '`application/problem+json`')}; [each code has its entry](errors.md). Every path answers \`method_not_allowed\` to other methods, and other paths answer \`not_found\`.
A POST has no body, or one of JSON.`;

const EVENTS = `Each event has an \`id\`, its name as \`event\`, and JSON as \`data\`. A reader that comes back with \`Last-Event-ID\` first gets what it has missed, as far as that is kept. The proxy never waits for a reader:
one that reads too slowly loses events, and is told how many. A line with a colon alone comes every 15 seconds. There can be 32 readers.`;

type Schema = z.core.$ZodType;

const defOf = (schema: Schema): z.core.$ZodTypes['_zod']['def'] => schema._zod.def as z.core.$ZodTypes['_zod']['def'];

const SHARED = new Map<Schema, string>(Object.entries(SHARED_SCHEMAS).map(([title, schema]) => [schema, title]));

const meaningOf = (schema: Schema): string => (schema as z.ZodType).meta()?.description ?? '';

/** Without what says that it may be absent, null, or not be changed. */
function innermost(schema: Schema): Schema {
  const { type, innerType } = defOf(schema) as { readonly type: string; readonly innerType?: Schema };
  return innerType && ['optional', 'nullable', 'readonly'].includes(type) ? innermost(innerType) : schema;
}

const isNullable = (schema: Schema): boolean => (schema as z.ZodType).safeParse(null).success;

function typeOf(wrapped: Schema): string {
  const schema = innermost(wrapped);
  const title = SHARED.get(schema);
  if (title !== undefined) return toHeading(title, title.toLowerCase());
  const def = defOf(schema);
  switch (def.type) {
    case 'array':
      return `list, each ${typeOf(def.element)}`;
    case 'enum':
      return Object.values(def.entries)
        .map((word) => code(String(word)))
        .join(', ');
    case 'literal':
      return def.values.map((value) => code(String(value))).join(', ');
    case 'object':
    case 'record':
      return 'map';
    case 'union':
      return [...new Set(def.options.map(typeOf))].join(', or ');
    case 'unknown':
      return 'anything';
    case 'number':
      return (schema as z.ZodNumber).isInt ? 'whole number' : 'number';
    case 'string':
      return (def as { readonly format?: string }).format === 'datetime' ? 'time' : 'text';
    default:
      return def.type;
  }
}

/** The fields of a map, or of what a list or a choice holds, in their order. A map with a table of its own has none here. */
function* fieldsBelow(wrapped: Schema, path: string): Generator<readonly string[]> {
  const schema = innermost(wrapped);
  if (path !== '' && SHARED.has(schema)) return;
  const def = defOf(schema);
  if (def.type === 'array') yield* fieldsBelow(def.element, `${path}[]`);
  if (def.type === 'union') for (const option of def.options) yield* fieldsBelow(option, path);
  if (def.type !== 'object') return;
  for (const [key, value] of Object.entries(def.shape)) {
    const own = path === '' ? key : `${path}.${key}`;
    const absent = value._zod.optin === 'optional' ? ', may be absent' : '';
    const type = `${typeOf(value)}${isNullable(value) ? ', or null' : ''}${absent}`;
    yield [code(own), type, meaningOf(value)];
    yield* fieldsBelow(value, own);
  }
}

/** One row for each field: what several forms of an answer have in common stands there once. */
function fieldsOf(schema: z.ZodType): Part {
  const rows = new Map<string, readonly string[]>();
  for (const row of fieldsBelow(schema, '')) if (!rows.has(row[0] as string)) rows.set(row[0] as string, row);
  return table(['field', 'type', 'says'], [...rows.values()]);
}

const headingOf = ({ method, path }: AdminEndpoint): string => `${method} ${path}`;

function given({ gives, givesText }: AdminEndpoint): readonly Part[] {
  if (!gives) return [`It answers ${givesText}.`];
  const title = SHARED.get(gives);
  return title === undefined
    ? ['It answers:', fieldsOf(gives)]
    : [`It answers the ${toHeading(title, title.toLowerCase())}.`];
}

function section(endpoint: AdminEndpoint): Part {
  const { does, query, takes, errors } = endpoint;
  return [
    `### ${headingOf(endpoint)}`,
    does,
    ...(query
      ? [
          table(
            ['parameter', 'means'],
            Object.entries(query).map(([name, means]) => [code(name), means]),
          ),
        ]
      : []),
    ...(takes ? ['It takes:', fieldsOf(takes)] : []),
    ...given(endpoint),
    ...(errors ? [`Its own errors: ${errors.map((each) => `[${code(each)}](errors.md#${each})`).join(', ')}.`] : []),
  ].join('\n\n');
}

function event([name, schema]: readonly [string, z.ZodType]): Part {
  const title = SHARED.get(schema);
  const when = `When ${EVENT_MEANINGS[name as keyof typeof EVENT_MEANINGS]}.`;
  return [
    `### Event ${code(name)}`,
    title === undefined ? when : `${when} Its data is the ${toHeading(title, title.toLowerCase())}.`,
    ...(title === undefined ? [fieldsOf(schema)] : []),
  ].join('\n\n');
}

/** `config/reference/admin.md`. */
export const adminPage = (): string =>
  page(
    'The admin address',
    ABOUT,
    EXAMPLE,
    ERRORS,
    table(
      ['resource', 'does'],
      ADMIN_ENDPOINTS.map((endpoint) => [toHeading(headingOf(endpoint), code(headingOf(endpoint))), endpoint.does]),
    ),
    '## Resources',
    ...ADMIN_ENDPOINTS.map(section),
    '## Events',
    EVENTS,
    ...Object.entries(schemas.events).map(event),
    '## What several have',
    ...Object.entries(SHARED_SCHEMAS).map(([title, schema]) => [`### ${title}`, fieldsOf(schema)].join('\n\n')),
  );
