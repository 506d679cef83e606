import { z } from 'zod';
import { parseDuration } from '../../core/units.ts';
import { ALGORITHM_NAMES } from '../../keys/algorithms.ts';
import { JWS_ALGORITHM_NAMES } from '../../keys/jws.ts';
import { KEY_FORMATS } from '../../keys/read.ts';
import {
  anyNode,
  boolean,
  choice,
  described,
  duration,
  integer,
  scalar,
  removable,
  text,
  unexpectedValue,
  withDefault,
  type Scalar,
} from '../schema/scalar.ts';
import {
  apiPath,
  argumentTemplate,
  bytesTemplate,
  endpoint,
  envTemplate,
  headerName,
  method,
  pairTemplate,
  pointer,
  secretBytesTemplate,
  secretTemplate,
  template,
} from '../schema/values.ts';
import { section } from '../schema/section.ts';
import { variants } from '../schema/variants.ts';
import { type RenewSpec, TOKEN_ERRORS } from './profile.ts';
import { SIGNERS, type SignerName, type SignerParameters } from './signers.ts';

const templates = z.record(z.string(), removable(template));
const fields = z.record(z.string(), removable(z.union([template, z.array(template)])));

/** Any JSON value. Its texts are templates. */
const jsonTemplate = anyNode('JSON', {}, { keepsEmpty: false, seen: 'always' });
/** Any JSON value as a member of a map. There null and the empty text are values as well. */
const jsonMember = anyNode('JSON', {}, { keepsEmpty: true, seen: 'always' });

const place = z.strictObject({
  header: template.optional(),
  query: template.optional(),
  form: template.optional(),
  json: template.optional(),
  value: withDefault(template, '{{signature}}', '{{signature}}'),
});

/** The places where a `when` looks for fields. */
export const CONDITION_PLACES = ['form', 'json', 'query', 'headers'] as const;

/** The text of a field. The empty text stands for an absent field. */
const fieldText = scalar({
  expects: 'a text',
  json: { type: ['string', 'number', 'boolean'] },
  keepsEmpty: true,
  read: (node) => node.text,
});

const fieldConditions = (what: string) =>
  described(
    `${what}: \`present\`, \`absent\`, a text, a list of texts, or \`{ not: [texts] }\`.`,
    z
      .record(
        z.string(),
        removable(z.union([fieldText, z.array(fieldText), z.strictObject({ not: z.array(fieldText) })])),
      )
      .optional(),
  );

const conditions = z
  .strictObject({
    methods: z.array(method).optional(),
    path: scalar({
      expects: 'a path',
      json: { type: 'string', pattern: '^/' },
      read: (node) => {
        if (!node.text.startsWith('/')) throw unexpectedValue(node, 'a path', 'begin with a slash');
        return node.text;
      },
    }).optional(),
    form: fieldConditions('Fields of a form'),
    json: fieldConditions('Fields of JSON, by dotted paths'),
    query: fieldConditions('Query parameters'),
    headers: fieldConditions('Headers'),
  })
  .meta({ id: 'when' })
  .prefault({});

const when = described('Which requests it signs; all, without it.', conditions);

const ENCODINGS = ['hex', 'base64', 'base64url'] as const;

/** How a text is signed: the same for what we sign and for what we verify. */
const signature = {
  algorithm: choice(ALGORITHM_NAMES).optional(),
  key: described('The key, where the algorithm takes one.', secretBytesTemplate.optional()),
  form: described(
    'Of an ECDSA signature: r and s side by side, or DER.',
    withDefault(choice(['raw', 'der']), 'raw', 'raw'),
  ),
  encode: withDefault(choice(ENCODINGS), 'hex', 'hex'),
};

/** A signature over a text that templates make, or a refusal. */
const textSign = z.strictObject({
  when,
  refuse: described('In place of a signature: such requests are refused, and this says why.', text.optional()),
  body: described(
    'Wrap the JSON body before it is signed: `{ wrap: base64, field: request }`.',
    z.strictObject({ wrap: choice(['base64']), field: text }).optional(),
  ),
  text: described('What is signed.', bytesTemplate.optional()),
  ...signature,
  case: described('Of a hex signature.', choice(['lower', 'upper']).optional()),
  set: described('Where the signature goes.', place.optional()),
});

/** The keys that name a place in a callback. An entry gives one of them. */
export const RECEIVED_PLACES = ['header', 'query', 'form', 'json', 'part'] as const;

const received = {
  header: text.optional(),
  query: text.optional(),
  form: text.optional(),
  json: text.optional(),
  part: text.optional(),
};

const signaturePlace = z.strictObject({
  ...received,
  value: withDefault(secretTemplate, '{{signature}}', '{{signature}}'),
});

const verify = z.strictObject({
  when: described('Which callbacks it is for; all, without it.', conditions),
  body: described(
    'The JSON field that holds more JSON in base64: templates read that as `inner.*`.',
    z.strictObject({ unwrap: choice(['base64']), field: text }).optional(),
  ),
  parts: described(
    'Splits a header into named parts: templates read them as `parts.*`.',
    z.strictObject({ of: headerName, separator: text, pair: text }).optional(),
  ),
  text: described('What the provider signs.', bytesTemplate.optional()),
  ...signature,
  equals: described(
    'Where the signature stands, or a list of such places.',
    z.union([z.array(signaturePlace), signaturePlace]).optional(),
  ),
  timestamp: described(
    'When it was signed; what is older, or lies further ahead, is rejected.',
    z
      .strictObject({
        ...received,
        unit: withDefault(choice(['s', 'ms', 'iso']), 's', 's'),
        tolerance: withDefault(duration(1), 300_000, '5m'),
      })
      .optional(),
  ),
  id: described('What makes two callbacks the same; the signature and the body by default.', template.optional()),
  require: described(
    'Fields that must have these values besides.',
    z.array(z.strictObject({ ...received, equals: secretTemplate })).optional(),
  ),
  separator: described(
    'The text between the fields in `text`: a callback that has it in a field is rejected.',
    z.strictObject({ text, allowed_in: described('Fields that may hold it.', z.array(text).optional()) }).optional(),
  ),
});

type SignerSections = {
  readonly [N in SignerName]: z.ZodType<
    { readonly signer: N; readonly when: z.output<typeof when> } & SignerParameters<N>,
    Record<string, unknown>
  >;
};

/** An entry that names a signer has the signer's parameters. */
const sign = variants('signature', 'signer', textSign, mapSigners());

function mapSigners(): SignerSections {
  const sections = Object.entries(SIGNERS).map(([name, parameters]) => {
    return [name, section({ signer: described('What signs.', choice([name])), when, ...parameters })] as const;
  });
  return Object.fromEntries(sections) as unknown as SignerSections;
}
const jwt = z.strictObject({
  algorithm: choice(JWS_ALGORITHM_NAMES).optional(),
  key: described('The key that signs it.', secretBytesTemplate.optional()),
  header: described(
    'What stands in its header beside `alg` and `typ: JWT`.',
    z.record(z.string(), jsonMember).optional(),
  ),
  claims: described(
    'What it says; `{ number: "{{now.s + 300}}" }` is a number.',
    z.record(z.string(), jsonMember).optional(),
  ),
  reuse: described(
    'How long one is used for API calls; without it, each attempt gets a new one.',
    duration(1).optional(),
  ),
});

const tokenCall = z.strictObject({
  url: template.optional(),
  method: method.optional(),
  headers: templates.optional(),
  query: fields.optional(),
  form: fields.optional(),
  json: jsonTemplate.optional(),
  auth: described('`basic: [name, password]`.', z.strictObject({ basic: z.array(pairTemplate) }).optional()),
  sign: described('Signatures of the token call itself.', z.array(sign).optional()),
});

const reading = z.union([pointer, z.strictObject({ pointer: pointer.optional(), default: text.optional() })]);

const expiry = z.strictObject({
  at: pointer.optional(),
  in: pointer.optional(),
  jwt: pointer.optional(),
  since: pointer.optional(),
  unit: withDefault(choice(['s', 'ms', 'iso']), 's', 's'),
});

const tokenError = z.strictObject({
  pointer: withDefault(pointer, '/error', '/error'),
  known: z.union([z.array(text), z.record(z.string(), removable(choice(TOKEN_ERRORS)))]).optional(),
});

const token = z.strictObject({
  subject: described('Whose token it is, where tokens belong to users: one is kept for each.', template.optional()),
  fetch: described('How a token is got.', tokenCall.optional()),
  command: described(
    'In place of `fetch`: a program and its arguments, run without a shell; what it prints is the answer.',
    z.array(argumentTemplate).optional(),
  ),
  env: described(
    'The variables of that program, besides PATH and HOME.',
    z.record(z.string(), removable(envTemplate)).optional(),
  ),
  timeout: described('How long it may take; by default `timeouts.token`.', duration(1).optional()),
  refresh: described(
    'How one is renewed while a refresh token is held; what it leaves out is as in `fetch`.',
    tokenCall.optional(),
  ),
  placeholder: described(
    'Further fields of the answer to a program that asks for a token of its own; `{ number: "{{now.s}}" }` is a number.',
    z.record(z.string(), jsonMember).optional(),
  ),
  read: described(
    'JSON pointers into the answer.',
    z
      .strictObject({
        format: withDefault(choice(['json', 'form', 'text']), 'json', 'json'),
        access_token: reading.optional(),
        token_type: reading.optional(),
        refresh_token: reading.optional(),
        expiry: described('The first source that yields a number wins.', z.array(expiry).optional()),
        lifetime_default: described('When no source yields.', duration(1).optional()),
        error: described('Error codes that may be shown; no other text of an answer is.', tokenError.optional()),
      })
      .optional(),
  ),
});

const inject = z.strictObject({
  headers: templates.optional(),
  query: templates.optional(),
  form: templates.optional(),
  json: templates.optional(),
});

const ahead: Scalar<RenewSpec['ahead']> = scalar({
  expects: 'a share or a duration',
  json: { type: 'string' },
  read: (node) => {
    const share = /^(\d{1,2}(?:\.\d+)?)%$/.exec(node.text);
    if (share) return { share: Number(share[1]) / 100 };
    const ms = parseDuration(node.text);
    if (ms === undefined) throw unexpectedValue(node, 'a share of the lifetime or a duration', 'write 20%, or 5m');
    return { ms };
  },
});

/** The `renew` part of a profile, or of a provider that overrides it. */
export const renewSchema = z.strictObject({
  on_status: described('Statuses that reject the token.', z.array(integer(300, 599)).optional()),
  on_header: described(
    'Rejections that a header tells.',
    z.array(z.strictObject({ status: integer(200, 599), name: headerName, contains: text })).optional(),
  ),
  on_body: described(
    'Rejections that only the body tells.',
    z
      .array(
        z.strictObject({
          status: integer(200, 599),
          pointer: pointer.optional(),
          equals: z.array(fieldText).optional(),
          all: described(
            'Several fields that must all have one of their values.',
            z.array(z.strictObject({ pointer, equals: z.array(fieldText) })).optional(),
          ),
        }),
      )
      .optional(),
  ),
  ahead: described('The last part of the lifetime, in which a token is renewed in the background.', ahead.optional()),
  cooldown: described('The least time between renewals.', duration(0).optional()),
});

/** One profile as it is written in a file. It is read after `extends` was resolved. */
export const profileSchema = z
  .strictObject({
    title: described('For people.', text.optional()),
    extends: described(
      'The profile that this one changes: maps are merged, lists replaced, null takes away.',
      text.optional(),
    ),
    environments: described(
      'Endpoints of each environment.',
      z.record(z.string(), removable(z.record(z.string(), removable(endpoint)))).optional(),
    ),
    credentials: described(
      'What the operator gives.',
      z
        .record(
          z.string(),
          removable(
            z.strictObject({
              description: described('For people: what it is, and where it comes from.', text.optional()),
              secret: withDefault(boolean, false, false),
              optional: withDefault(boolean, false, false),
              default: z.union([secretTemplate, z.record(z.string(), removable(secretTemplate))]).optional(),
              empty: described('Whether the empty text is a value.', withDefault(boolean, false, false)),
              without: described('Characters that it must not hold.', text.optional()),
              format: described('How it becomes a key.', withDefault(choice(KEY_FORMATS), 'text', 'text')),
              passphrase: described('The credential that opens an encrypted PEM.', template.optional()),
            }),
          ),
        )
        .optional(),
    ),
    api_paths: described(
      'Paths below the API that are for this profile, where several lead to one upstream: see the forward doors.',
      z.array(apiPath).optional(),
    ),
    token: described('How a token is got; none for fixed keys and signatures.', token.optional()),
    inject: described('What is put into each request.', inject.optional()),
    sign: described('Signatures, applied in order, anew for each attempt.', z.array(sign).optional()),
    verify: described('How callbacks are verified; the first entry that fits decides.', z.array(verify).optional()),
    renew: described('When a token is renewed.', renewSchema.optional()),
    scope: described(
      '`max`: how many; `known`: which there are.',
      z.strictObject({ max: integer(1, 1000).optional(), known: z.array(text).optional() }).optional(),
    ),
    values: described('Named texts for use in templates.', templates.optional()),
    jwt: described('JWTs for use in templates, as `{{jwt.name}}`.', z.record(z.string(), removable(jwt)).optional()),
  })
  .meta({ id: 'profile' });

/**
 * What {@link profileSchema} reads, and its parts. A required value that is wrong is undefined, against its type: see `read`.
 */
export type ProfileData = z.output<typeof profileSchema>;
export type SignData = z.output<typeof sign>;
export type VerifyData = z.output<typeof verify>;
export type TextSignData = z.output<typeof textSign>;
export type JwtData = z.output<typeof jwt>;
export type TokenCallData = z.output<typeof tokenCall>;
export type ReadingData = z.output<typeof reading>;
