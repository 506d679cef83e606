import fs from 'node:fs';
import test from 'ava';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { jsonSchema, jsonSchemaText } from '../../src/config/json-schema.ts';
import { builtInProfiles, JSON_SCHEMA_FILE } from '../../src/config/shipped.ts';
import { typeFiles } from '../reference/file-types.ts';

type Schema = Parameters<typeof z.fromJSONSchema>[0];

/** The schema as an editor sees it, read back from its JSON. */
const config = z.fromJSONSchema(jsonSchema() as Schema);
const profile = z.fromJSONSchema({ $ref: '#/$defs/profile', $defs: jsonSchema()['$defs'] } as Schema);
const isFine = (text: string): boolean => config.safeParse(parseYaml(text)).success;

test('the schema for editors is the one that the validator yields', (t) => {
  t.is(fs.readFileSync(JSON_SCHEMA_FILE, 'utf8'), jsonSchemaText(), 'run `npm run reference`');
});

test('the types of a config that is written as an object are those that the schema yields', (t) => {
  for (const [file, text] of typeFiles()) t.is(fs.readFileSync(file, 'utf8'), text, 'run `npm run reference`');
});

test('an editor finds nothing wrong with the sample file and the built-in profiles', (t) => {
  t.true(isFine(fs.readFileSync('proxy.config.yaml', 'utf8')));
  for (const name of builtInProfiles()) {
    const result = profile.safeParse(parseYaml(fs.readFileSync(`config/profiles/${name}.yaml`, 'utf8')));
    t.true(result.success, `${name}: ${result.error?.message}`);
  }
});

test('an editor takes references in every place', (t) => {
  t.true(
    isFine(`version: "\${V}"
listen: { address: "\${A}", allow_unauthenticated: "\${B}", access_tokens: ["\${C}"] }
timeouts: { connect: "\${D:-5s}" }
limits: { headers: "\${E}", header_bytes: "\${F}" }
log: { level: "\${G}" }
providers: { p: { profile: "\${H}", credentials: { a: "\${I}", b: 1, c: true } } }
routes: [{ match: { path: "\${J}" }, strip_prefix: "\${K}", upstream: "\${L}" }]
`),
  );
});

test('an editor takes what is left empty', (t) => {
  t.true(isFine('listen:\nadmin:\n  token:\nstate_dir:\nprofiles:\nproviders:\nroutes:\n'));
  t.true(isFine('admin: false\nroutes: [{ replay: false, provider: null }]\n'));
});

test('an editor marks what the validator refuses', (t) => {
  for (const text of [
    'listen: { adress: a }',
    'timeouts: { connect: 5 }',
    'timeouts: { connect: 5 seconds }',
    'replay: { spool: 64MB }',
    'limits: { headers: 0 }',
    'limits: { headers: many }',
    'log: { level: loud }',
    'forward: { mode: all }',
    'admin: true',
    'providers: { p: { environment: sandbox } }',
    'routes: [{ match: { path: p } }]',
    'routes: [{ headers: { add: {} } }]',
    'profiles: { p: { renew: { on_status: [99] } } }',
  ]) {
    t.false(isFine(text), text);
  }
});

test('an editor shows defaults and what keys are for', (t) => {
  const { properties } = jsonSchema() as { properties: Record<string, { properties?: Record<string, object> }> };
  t.like(properties['timeouts']?.properties?.['connect'], { default: '5s' });
  t.like(properties['listen']?.properties?.['address'], { default: '127.0.0.1:8080' });
  t.regex(JSON.stringify(properties['listen']), /host:port/);
});

interface Described {
  readonly description?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly anyOf?: readonly Described[];
  readonly items?: Described;
  readonly additionalProperties?: Described | false;
}

/** Keys below a part of the schema that say nothing of themselves. */
function undescribed(schema: Described, way: string): string[] {
  const { properties = {}, anyOf = [], items, additionalProperties } = schema;
  return [
    ...Object.entries(properties).flatMap(([key, value]) => [
      ...(value.description || value.$ref ? [] : [`${way}${key}`]),
      ...undescribed(value, `${way}${key}.`),
    ]),
    ...anyOf.flatMap((one) => undescribed(one, way)),
    ...(items ? undescribed(items, `${way}[].`) : []),
    ...(additionalProperties ? undescribed(additionalProperties, `${way}*.`) : []),
  ];
}

test('each key of the config says what it is', (t) => {
  const keys = undescribed(jsonSchema() as Described, '');
  // What a profile may say stands in the page about profiles.
  t.deepEqual(
    keys.filter((key) => !/^profiles\.|\.renew\./.test(key)),
    [],
  );
});
