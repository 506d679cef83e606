import type { ExplainedJwt } from './authorizer.ts';
import { readable } from './build.ts';
import type { Step } from './inject.ts';
import type { CompiledJwt } from './jwt.ts';
import type { TokenPlan } from './plan.ts';
import type { Scope } from './scope.ts';
import { nameKey, type Signature } from './signature.ts';
import type { Compiled, Show } from './template.ts';

/** Where the JWTs of a request may stand. */
export interface JwtUses {
  readonly steps: readonly Step[];
  /** The signatures that fit the request. */
  readonly signatures: readonly Signature[];
  readonly token: TokenPlan | undefined;
}

/** The JWTs that a request or its token call carries or signs, with secrets masked. None is signed. */
export function explainJwts(
  jwts: ReadonlyMap<string, CompiledJwt>,
  uses: JwtUses,
  scope: Scope,
): readonly ExplainedJwt[] {
  const show: Show = (template) => template.mask(scope).text;
  return [...jwts].flatMap(([name, jwt]) => {
    const places = placesOf(`jwt.${name}`, uses, show);
    if (places.length === 0) return [];
    const { header, claims } = jwt.parts(show);
    const { algorithm, key, reuseMs } = jwt;
    return { name, algorithm, key: readable(nameKey(key.template, scope)), header, claims, reuseMs, places };
  });
}

function placesOf(jwt: string, { steps, signatures, token }: JwtUses, show: Show): readonly string[] {
  const has = (template: Compiled | undefined): boolean => template?.names.has(jwt) === true;
  const at = ({ place, name }: Step): string => `${place} ${readable(show(name))}`;
  const fetch = token?.fetch;
  const isCalled = fetch?.names.has(jwt) === true || fetch?.signatures.some(({ signed }) => signed.some(has)) === true;
  const fields = [...(fetch?.headers ?? []), ...(fetch?.query ?? []), ...(fetch?.form ?? [])];
  const named = fields.filter(([, value]) => has(value)).map(([name]) => `token call ${name}`);
  return [
    ...steps.filter(({ value }) => has(value)).map(at),
    ...signatures.filter(({ placed }) => placed.some(has)).map((one) => one.placeOf(show)),
    ...signatures.filter(({ signed }) => signed.some(has)).map((one) => `what is signed for ${one.placeOf(show)}`),
    ...(isCalled && named.length === 0 ? ['token call'] : named),
  ];
}
