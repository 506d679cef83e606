import type { JwtSpec } from '../config/profile/profile.ts';
import { ALGORITHMS } from '../keys/algorithms.ts';
import { JWS_ALGORITHMS, signJws, type JwsAlgorithm } from '../keys/jws.ts';
import { compileKey, type CompiledKey } from './key.ts';
import type { Scope } from './scope.ts';
import type { Compile, Compiled, Show } from './template.ts';
import { compileMap } from './token/json-template.ts';

/** A compiled JWT of a profile. As a template, it is the JWT in the compact form, or its name where it is shown. */
export interface CompiledJwt extends Compiled {
  readonly algorithm: JwsAlgorithm;
  readonly key: CompiledKey;
  /** How long one is used for API calls; undefined when each attempt gets a new one. */
  readonly reuseMs: number | undefined;
  /** Its two parts as JSON. */
  parts(show: Show): { readonly header: string; readonly claims: string };
}

/** Never use a JWT in the last tenth of its lifetime: the clocks of others differ, and requests take their time. */
const USABLE_SHARE = 0.9;

/** Compiles a JWT (RFC 7519). Each rendering signs anew, unless the profile lets API calls use one again. */
export function compileJwt(name: string, spec: JwtSpec, compile: Compile): CompiledJwt {
  const names = new Set<string>();
  const collect: Compile = (text) => {
    const compiled = compile(text);
    for (const each of compiled.names) names.add(each);
    return compiled;
  };
  const { algorithm, reuseMs } = spec;
  const header = compileMap(spec.header, collect, true);
  const claims = compileMap(spec.claims, collect, true);
  const key = compileKey(spec.key, ALGORITHMS[JWS_ALGORITHMS[algorithm]].key, collect);
  const headerOf = (show: Show): string => JSON.stringify({ alg: algorithm, typ: 'JWT', ...header(show) });
  const make = (scope: Scope): { text: string; usableMs: number } => {
    const show: Show = (template) => template.render(scope);
    const said = claims(show);
    const { exp } = said;
    const lifetimeMs = typeof exp === 'number' ? exp * 1000 - scope.nowMs : Infinity;
    const text = signJws(algorithm, key.read(scope), headerOf(show), JSON.stringify(said));
    return { text, usableMs: lifetimeMs * USABLE_SHARE };
  };
  return {
    algorithm,
    key,
    reuseMs,
    names,
    isDigest: false,
    pieces: [],
    parts: (show) => ({ header: headerOf(show), claims: JSON.stringify(claims(show)) }),
    render: (scope) => {
      if (!scope.signsJwts) return shownAs(name);
      return reuseMs === undefined ? make(scope).text : scope.reuse(name, reuseMs, () => make(scope));
    },
    mask: () => ({ text: shownAs(name), isSecret: true }),
  };
}

const shownAs = (name: string): string => `<jwt.${name}>`;
