import { z } from 'zod';
import { parseDuration } from '../core/units.ts';
import { anyNode, boolean, choice, duration, integer, leaf, text, unfit, withDefault, type Leaf } from './leaf.ts';
import { bytesTemplate, endpoint, method, pointer, template } from './values.ts';
import type { RenewSpec } from './profile.ts';

const templates = z.record(z.string(), template.optional());

/** Text, number, true, false, null, or lists and maps of them; texts are templates. */
const jsonTemplate = anyNode('JSON', {}, { keepsEmpty: false });

const place = z.strictObject({
  header: text.optional(),
  query: text.optional(),
  form: text.optional(),
  json: text.optional(),
  value: withDefault(template, '{{signature}}', '{{signature}}'),
});

const sign = z.strictObject({
  when: z
    .strictObject({
      methods: z.array(method).optional(),
      path: leaf({
        expects: 'a path',
        json: { type: 'string', pattern: '^/' },
        read: (node) => {
          if (!node.text.startsWith('/')) throw unfit(node, 'a path', 'begin with a slash');
          return node.text;
        },
      }).optional(),
    })
    .prefault({}),
  body: z.strictObject({ wrap: choice(['base64']), field: text }).optional(),
  text: bytesTemplate,
  algorithm: choice(['sha256', 'sha512', 'sha1', 'md5', 'hmac-sha256', 'hmac-sha512']),
  key: bytesTemplate.optional(),
  encode: withDefault(choice(['hex', 'base64', 'base64url']), 'hex', 'hex'),
  case: choice(['lower', 'upper']).optional(),
  set: place,
});

const tokenCall = z.strictObject({
  url: template.optional(),
  method: method.optional(),
  headers: templates.optional(),
  query: templates.optional(),
  form: templates.optional(),
  json: jsonTemplate.optional(),
  auth: z.strictObject({ basic: z.array(template) }).optional(),
  sign: z.array(sign).optional(),
});

const reading = z.union([pointer, z.strictObject({ pointer: pointer.optional(), default: text.optional() })]);

const unit = withDefault(choice(['s', 'ms']), 's', 's');
const expiry = z.strictObject({ at: pointer.optional(), in: pointer.optional(), since: pointer.optional(), unit });

const token = z.strictObject({
  subject: template.optional(),
  fetch: tokenCall.optional(),
  refresh: tokenCall.optional(),
  read: z
    .strictObject({
      access_token: reading.optional(),
      token_type: reading.optional(),
      refresh_token: reading.optional(),
      expiry: z.array(expiry).optional(),
      lifetime_default: duration(1).optional(),
    })
    .optional(),
});

const inject = z.strictObject({
  headers: templates.optional(),
  query: templates.optional(),
  form: templates.optional(),
  json: templates.optional(),
});

const ahead: Leaf<RenewSpec['ahead']> = leaf({
  expects: 'a share or a duration',
  json: { type: 'string' },
  read: (node) => {
    const share = /^(\d{1,2}(?:\.\d+)?)%$/.exec(node.text);
    if (share) return { share: Number(share[1]) / 100 };
    const ms = parseDuration(node.text);
    if (ms === undefined) throw unfit(node, 'a share of the lifetime or a duration', 'write 20%, or 5m');
    return { ms };
  },
});

/** The `renew` part, of a profile or of a provider that overrides it. */
export const renewSchema = z.strictObject({
  on_status: z.array(integer(300, 599)).optional(),
  on_body: z.array(z.strictObject({ status: integer(200, 599), pointer, equals: z.array(text) })).optional(),
  ahead: ahead.optional(),
  cooldown: duration(0).optional(),
});

/** One profile as it stands in a file; what `extends` brings may be left out. */
export const profileSchema = z
  .strictObject({
    title: text.optional(),
    extends: text.optional(),
    environments: z.record(z.string(), z.record(z.string(), endpoint.optional()).optional()).optional(),
    credentials: z
      .record(
        z.string(),
        z
          .strictObject({
            secret: withDefault(boolean, false, false),
            optional: withDefault(boolean, false, false),
            default: z.union([template, templates]).optional(),
          })
          .optional(),
      )
      .optional(),
    token: token.optional(),
    inject: inject.optional(),
    sign: z.array(sign).optional(),
    renew: renewSchema.optional(),
    scope: z.strictObject({ max: integer(1, 1000).optional(), known: z.array(text).optional() }).optional(),
    values: templates.optional(),
  })
  .meta({ id: 'profile' });

export type ProfileData = z.output<typeof profileSchema>;
export type SignData = z.output<typeof sign>;
export type TokenCallData = z.output<typeof tokenCall>;
export type ReadingData = z.output<typeof reading>;
