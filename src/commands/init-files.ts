import { defaultOf } from '../config/profile/default-text.ts';
import type { CredentialSpec } from '../config/profile/profile.ts';
import type { ResolvedProfile } from '../config/profile/profiles.ts';
import { SIMULATOR } from '../core/simulator.ts';

/** One environment variable that the written config reads. */
export interface Variable {
  readonly name: string;
  /** Without it `check` fails. */
  readonly isRequired: boolean;
  /** What holds when it is not set; empty where nothing does, or where that is no text. */
  readonly value: string;
  /** What it is for; empty where its name says it all. */
  readonly comment: string;
}

export interface StarterFiles {
  readonly config: string;
  readonly env: string;
  readonly variables: readonly Variable[];
}

/** Comments behind values begin here, where there is room. */
const COMMENT_COLUMN = 52;

const LISTEN: Variable = {
  name: 'OUTRIDER_LISTEN',
  isRequired: false,
  value: '127.0.0.1:8080',
  comment: 'where applications call',
};
const ADMIN: Variable = {
  name: 'OUTRIDER_ADMIN',
  isRequired: false,
  value: '127.0.0.1:8081',
  comment: '/livez, /readyz, /metrics',
};

const upper = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');

const reference = ({ name, isRequired, value }: Variable): string =>
  isRequired ? `\${${name}}` : `\${${name}:-${value}}`;

const commented = (line: string, comment: string): string =>
  comment === '' ? line : `${line.padEnd(COMMENT_COLUMN - 1)} # ${comment}`;

const sentence = (...parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join('; ');

/** The environment to begin with: the first real one, which profiles list before production. */
const firstOf = (environments: readonly string[]): string | undefined =>
  environments.find((name) => name !== SIMULATOR) ?? environments[0];

/** A profile as a provider of its own name uses it. */
class StarterProvider {
  readonly #profile: ResolvedProfile;
  readonly #environments: readonly string[];
  readonly #first: string | undefined;
  readonly #prefix: string;

  constructor(profile: ResolvedProfile) {
    this.#profile = profile;
    this.#environments = Object.keys(profile.declared.environments);
    this.#first = firstOf(this.#environments);
    this.#prefix = upper(profile.name);
  }

  get title(): string {
    return this.#profile.profile?.title ?? this.#profile.name;
  }

  get environment(): Variable | undefined {
    if (this.#first === undefined) return undefined;
    const comment = `one of ${this.#environments.join(', ')}`;
    return { name: `${this.#prefix}_ENV`, isRequired: false, value: this.#first, comment };
  }

  get credentials(): readonly (readonly [name: string, Variable])[] {
    return Object.entries(this.#profile.declared.credentials).map(([name, spec]) => [
      name,
      this.#credential(name, spec),
    ]);
  }

  /** Those that an environment leaves open. */
  get endpoints(): readonly (readonly [name: string, Variable])[] {
    const { needed } = this.#profile;
    return [...new Set([...needed, 'api'])].toSorted().flatMap((name) => {
      const { isRequired, when } = this.#need((environment) => this.#hasEndpoint(environment, name));
      if (!isRequired && when === undefined) return [];
      const variable = `${this.#prefix}_${name === 'api' ? 'API' : `${upper(name)}_URL`}`;
      const what = name === 'api' ? 'the URL that all paths are below' : `the URL of the ${name} endpoint`;
      return [[name, { name: variable, isRequired, value: '', comment: sentence(what, when) }] as const];
    });
  }

  get variables(): readonly Variable[] {
    const { environment } = this;
    const named = [...this.credentials, ...this.endpoints].map(([, variable]) => variable);
    return [...(environment ? [environment] : []), ...named];
  }

  get lines(): readonly string[] {
    const { name } = this.#profile;
    const { environment, endpoints } = this;
    const entry = ([key, variable]: readonly [string, Variable]): string =>
      commented(`      ${key}: ${reference(variable)}`, variable.comment);
    return [
      commented(`  ${name}:`, this.title),
      `    profile: ${name}`,
      ...(environment ? [commented(`    environment: ${reference(environment)}`, environment.comment)] : []),
      '    credentials:',
      ...this.credentials.map(entry),
      ...(endpoints.length === 0 ? [] : ['    endpoints:', ...endpoints.map(entry)]),
      ...this.#scopeLines(),
    ];
  }

  #credential(name: string, spec: CredentialSpec): Variable {
    const { isRequired, when } = this.#need(
      (environment) => spec.optional || defaultOf(spec, environment) !== undefined,
    );
    const given = typeof spec.default === 'object' ? spec.default[this.#first ?? ''] : spec.default;
    const otherwise =
      given === undefined
        ? 'may be left out'
        : `default ${given.replaceAll(/\{\{(?:credentials\.)?([\w.]+)\}\}/g, '$1')}`;
    const comment = sentence(spec.description, when, isRequired || when !== undefined ? undefined : otherwise);
    return { name: `${this.#prefix}_${upper(name)}`, isRequired, value: '', comment };
  }

  /** Whether something is needed in the first environment; if not there, in which others. */
  #need(isGivenIn: (environment: string | undefined) => boolean): { isRequired: boolean; when: string | undefined } {
    if (!isGivenIn(this.#first)) return { isRequired: true, when: undefined };
    const others = this.#environments.filter((name) => !isGivenIn(name));
    return { isRequired: false, when: others.length === 0 ? undefined : `needed in ${others.join(' and ')}` };
  }

  #hasEndpoint(environment: string | undefined, name: string): boolean {
    return Object.hasOwn(this.#profile.declared.environments[environment ?? ''] ?? {}, name);
  }

  #scopeLines(): readonly string[] {
    const { declared, profile } = this.#profile;
    const { known, max = known.length } = declared.scope;
    const takesScope = JSON.stringify(profile?.token?.fetch ?? {}).includes('{{scope}}');
    if (!takesScope) return [];
    if (known.length === 0) return [commented('    scope: []', 'what your server calls them')];
    const most = max < known.length ? `; ${max} at most` : '';
    return [
      commented('    scope:', `take away those that you don't need${most}`),
      ...known.map((name, i) => (i < max ? `      - ${name}` : `      # - ${name}`)),
    ];
  }
}

/** The texts of a config and of a list of its variables, for these profiles; `schema` is where the JSON Schema is found. */
export function starterFiles(profiles: readonly ResolvedProfile[], schema: string): StarterFiles {
  const providers = profiles.map((profile) => ({ name: profile.name, provider: new StarterProvider(profile) }));
  const config = `# yaml-language-server: $schema=${schema}
#
# Outrider: which requests go to which provider. \${NAME} is an environment variable, \${NAME:-text} one that may be left out:
# .env.example lists them all. In production keep secrets in files, and write \${file:/run/secrets/name} in place of \${NAME}:
# a file that changes is read again, with no restart.
# \`outrider check\` tells what is wrong with this file, \`outrider explain METHOD URL\` what would happen to a request.

version: 1

listen:
${commented(`  address: ${reference(LISTEN)}`, LISTEN.comment)}

admin:
${commented(`  address: ${reference(ADMIN)}`, ADMIN.comment)}

# Who authenticates how.
providers:
${providers.map(({ provider }) => provider.lines.join('\n')).join('\n\n')}

# Which requests go where: what lies below the path goes to the provider's API, with its credential put on.
routes:
${providers.map(({ name }) => `  - provider: ${name}\n    match: { path: /${name} }`).join('\n')}
`;
  const groups = providers.map(({ provider }) => ({ title: provider.title, variables: provider.variables }));
  const env = `# The variables of proxy.config.yaml. Copy this file to .env, fill it in, and keep that one out of version control.
# A shell reads it with: set -a; . ./.env; set +a
# What stands behind a # need not be set.

${groups.map(envGroup).join('\n')}
${envGroup({ title: 'Addresses', variables: [LISTEN, ADMIN] })}`;
  return { config, env, variables: groups.flatMap(({ variables }) => variables) };
}

function envGroup({ title, variables }: { title: string; variables: readonly Variable[] }): string {
  const lines = variables.map(({ name, isRequired, value, comment }) => {
    const about = comment === '' ? '' : `# ${name}: ${comment}\n`;
    return `${about}${isRequired ? '' : '#'}${name}=${value}\n`;
  });
  return `# ${title}\n${lines.join('')}`;
}
