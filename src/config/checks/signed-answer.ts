import type { JsonTemplate, Profile, SignSpec, Template } from '../profile/profile.ts';
import { namesThrough } from '../profile/read-names.ts';
import { KEY_PARAMETERS } from '../profile/signers.ts';
import type { RouteData } from '../schema.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { nearest, type Node } from '../yaml/tree.ts';
import { defaultOf } from '../profile/default-text.ts';
import type { ReadProvider } from './providers.ts';

/** What a request, a moment or chance puts into a text, so that it is not the same twice. */
const CHANGING = /^(?:request\.|now\.|jwt\.|uuid$)/;

/**
 * Checks a route that hands signed requests back to its caller. Nothing in them may be good for another request: no secret, no
 * token, and no digest that is always the same.
 * Reports `signs_with_a_token`, `invalid_value` and `unused_key`.
 */
export function checkSignedAnswer(
  node: Node,
  data: RouteData,
  provider: ReadProvider | undefined,
  problems: Problems,
): void {
  const place = nearest(node, 'answer');
  if (data.websocket) {
    const message = 'nothing is sent on this route, so no WebSocket opens';
    problems.warning('unused_key', nearest(node, 'websocket'), message, 'leave `websocket` out');
  }
  const profile = provider?.config?.profile;
  if (data.provider !== undefined && !profile) return;
  const leak = profile && leakIn(profile, provider.environment);
  if (leak !== undefined) {
    const help = 'such a profile can only put its credential on requests that are sent: leave `answer` out';
    problems.error('signs_with_a_token', place, `the caller would get ${leak}`, help);
  } else if (!profile || profile.sign.length === 0) {
    const help = 'name a `provider` whose profile has `sign`, such as payu-payment';
    problems.error('invalid_value', place, 'there is nothing that signs on this route', help);
  }
}

/** What a caller of this profile's signed requests would get that is good for other requests; undefined: nothing. */
function leakIn(profile: Profile, environment: string | undefined): string | undefined {
  const { inject, sign } = profile;
  for (const map of [inject.headers, inject.query, inject.form, inject.json]) {
    for (const [name, value] of Object.entries(map)) {
      const secret = secretIn(`${name}${value}`, profile, environment);
      if (secret !== undefined) return secret;
    }
  }
  for (const entry of sign) {
    const secrets = placedBy(entry).map((part) => secretIn(part, profile, environment));
    const found = secrets.find((each) => each !== undefined);
    if (found !== undefined) return found;
    // What a signer signs is always of the request or of the moment.
    if ('signer' in entry) continue;
    const names = [...namesThrough(entry.text, profile.values)];
    if (!names.some((name) => CHANGING.test(name))) return 'a signature that is the same for every request';
  }
  return undefined;
}

/** The templates of an entry of `sign` whose texts go into the request. */
const placedBy = (entry: SignSpec): readonly Template[] =>
  textsOf(
    'signer' in entry
      ? Object.entries(entry).flatMap(([name, value]) => seenIn(name, value))
      : Object.values(entry.set),
  );

const seenIn = (parameter: string, value: unknown): JsonTemplate[] =>
  parameter === 'when' || KEY_PARAMETERS.has(parameter) ? [] : [value as JsonTemplate];

/** All texts in a JSON template. */
function textsOf(value: JsonTemplate): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** The token or secret credential that a template shows, in words. A default may be made of a secret one. */
function secretIn(template: Template, profile: Profile, environment: string | undefined): string | undefined {
  for (const name of namesThrough(template, profile.values)) {
    if (name.startsWith('token.')) return 'the token';
    const [, jwtName = ''] = /^jwt\.(.*)$/.exec(name) ?? [];
    const jwt = profile.jwt[jwtName];
    if (jwt?.reuseMs !== undefined) return `the JWT "${jwtName}", which is good for several requests`;
    // What a JWT says can be read by whoever gets it.
    const said = jwt && secretIn(textsOf([jwt.header, jwt.claims]).join(''), profile, environment);
    if (said !== undefined) return said;
    const [, credential] = /^credentials\.(.*)$/.exec(name) ?? [];
    const spec = credential === undefined ? undefined : profile.credentials[credential];
    if (!spec) continue;
    if (spec.secret) return `the credential "${credential}"`;
    const behind = secretIn(defaultOf(spec, environment) ?? '', profile, environment);
    if (behind !== undefined) return behind;
  }
  return undefined;
}
