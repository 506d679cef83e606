import type { Authorized, Authorizer, Outbound } from '../auth/authorizer.ts';
import { fieldsOfForm } from '../auth/form-fields.ts';
import { badBody } from '../auth/problem.ts';
import { asText, fromBytes, toUnicode } from '../core/byte-string.ts';
import { addedFields, type RawHeaders } from '../core/headers.ts';
import type { CompiledRoute } from './compiled-config.ts';

/**
 * The answer of a route with `answer: signed`: what would have been sent, as JSON. Throws `bad_body` for a body that is no text,
 * since JSON could not hold its bytes.
 * @param came The headers of the caller.
 */
export function signedAnswer(
  { origin, authorizer }: CompiledRoute,
  came: RawHeaders,
  outbound: Outbound,
  authorized: Authorized,
): { readonly contentType: string; readonly body: string } {
  const bytes = fromBytes(authorized.body ?? outbound.body ?? new Uint8Array(0));
  const body = toUnicode(bytes);
  if (body === undefined) throw badBody('The body must be a text in UTF-8: the answer shows it in JSON.');
  // Nothing is sent, so nothing goes by way of this proxy.
  const headers = addedFields(came, authorized.headers).filter(([name]) => name.toLowerCase() !== 'via');
  const answer = {
    method: outbound.method,
    url: origin + authorized.target,
    headers: headers.map(([name, value]) => [name, asText(value)]),
    fields: fieldsOfForm(authorized.headers, bytes).map(([name, value]) => [asText(name), asText(value)]),
    body,
    signed_with: (authorizer as Authorizer).signedWith(outbound),
  };
  return { contentType: 'application/json', body: JSON.stringify(answer) };
}
