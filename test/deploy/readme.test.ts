import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { KIT, kitFile, secretsIn } from './kit.ts';

const README = kitFile('README.md');
const lines = [...README.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) =>
  (block as string).trim().split('\n'),
);
const servicesIn = (file: string): Readonly<Record<string, { profiles?: readonly string[] }>> =>
  (parse(kitFile(file), { merge: true }) as { services: Readonly<Record<string, { profiles?: readonly string[] }>> })
    .services;
const dockerfile = readFileSync(join(KIT, '../../Dockerfile'), 'utf8');
const loaded = [...kitFile('systemd/outrider.service').matchAll(/^LoadCredential=\w+:(.*)$/gm)].map(([, path]) => path);
const composeSecrets = ['compose/proxy.config.yaml', 'compose/replicas.config.yaml'].flatMap((file) =>
  secretsIn(kitFile(file)),
);

/** What each command of the page is held to: what it names is there. */
const CHECKS: readonly (readonly [command: RegExp, isGood: (...parts: string[]) => boolean])[] = [
  [/^docker build --build-arg (\w+)=.* --tag \S+ \.$/, (arg) => new RegExp(`^ARG ${arg}=`, 'm').test(dockerfile)],
  [
    /^docker run --rm --env (\w+)=.* --publish 127\.0\.0\.1:(\d+):\2 \S+$/,
    (name, port) =>
      dockerfile.includes(`=0.0.0.0:${port}`) &&
      readFileSync(join(KIT, '../../proxy.config.yaml'), 'utf8').includes(`\${${name}:-}`),
  ],
  [/^kubectl apply --kustomize (\S+)$/, (folder) => existsSync(join(KIT, folder, 'kustomization.yaml'))],
  [
    /^docker compose(?: --profile (\w+))? up --detach ([\w-]+)$/,
    (profile, service) => servicesIn('compose.yaml')[service]?.profiles?.[0] === profile,
  ],
  [
    /^docker compose --file (\S+) --file (\S+) up --detach ([\w ]+)$/,
    (first, second, names) => {
      const known = new Set([first, second].flatMap((file) => Object.keys(servicesIn(file))));
      return names.split(' ').every((name) => known.has(name));
    },
  ],
  [/^mkdir -p (secrets)$/, () => true],
  [
    /^for name in ([\w ]+); do openssl rand -hex 32 > secrets\/\$name; done$/,
    (names) => names.split(' ').every((name) => composeSecrets.includes(name)),
  ],
  [/^(?:openssl rand -base64 32|printf %s "\$\w+") > secrets\/(\w+)$/, (name) => composeSecrets.includes(name)],
  [/^install -D -m 0644 (systemd\/\S+) \/etc\/\S+$/, (source) => existsSync(join(KIT, source))],
  [
    /^install -D -m 0600 secrets\/(\w+) (\S+)$/,
    (name, target) => loaded.includes(target) && target.endsWith(`/${name}`),
  ],
  [/^systemctl (?:daemon-reload|enable --now outrider\.service)$/, () => true],
];

for (const line of lines) {
  test(`the deploy kit's page: \`${line}\` names what is there`, (t) => {
    const [match, isGood] =
      CHECKS.map(([command, good]) => [command.exec(line), good] as const).find(([found]) => found !== null) ?? [];
    t.truthy(match, 'a command that nothing here checks');
    t.true(isGood?.(...(match?.slice(1) ?? [])));
  });
}

test("the deploy kit's page makes every secret that Compose's configs read", (t) => {
  const block = lines.join('\n');
  for (const name of composeSecrets)
    t.regex(block, new RegExp(`secrets/${name}$|for name in.*\\b${name}\\b`, 'm'), name);
});

test("the deploy kit's page links to what is there, and to every part of the kit", (t) => {
  const linked = [...README.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, target]) => target as string);
  for (const target of linked) t.true(existsSync(join(KIT, target)), target);
  for (const entry of readdirSync(KIT, { withFileTypes: true })) {
    if (entry.name === 'README.md') continue;
    const isNamed = linked.some((target) => target === entry.name || dirname(target).startsWith(entry.name));
    // Compose's configs are mounted by its file.
    t.true(isNamed || entry.name === 'compose', entry.name);
  }
});
