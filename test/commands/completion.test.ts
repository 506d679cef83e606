import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { COMMANDS, commandsIn, namesIn, optionsIn, wordsFor, type Lookup } from '../../src/commands/words.ts';
import { configFile, LAUNCHER, run } from './run.ts';
import { needs, type Step, typed } from './typed.ts';

const NAMES: Readonly<Partial<Record<string, readonly string[]>>> = {
  caller: ['shop'],
  provider: ['phonepe', 'pincode'],
  path: ['/phonepe', '/pincode'],
  profile: ['bearer', 'phonepe'],
};
const lookup: Lookup = (operand) => NAMES[operand] ?? [];
const never: Lookup = () => {
  throw new Error('nothing is looked up');
};

for (const [line, expected] of [
  ['', Object.keys(COMMANDS)],
  ['st', ['start', 'status']],
  ['start ', []],
  ['start --', ['--watch', '--config', '--help']],
  ['--v', ['--version']],
  ['--config x.yaml tok', ['token', 'token-for']],
  ['--config ', []],
  ['init --dir ', []],
  ['token p', ['phonepe', 'pincode']],
  ['token --renew pi', ['pincode']],
  ['token phonepe ', []],
  ['init phonepe b', ['bearer']],
  ['token-for s', ['shop']],
  ['explain --caller ', []],
  ['explain P', ['POST', 'PUT', 'PATCH']],
  ['explain POST /p', ['/phonepe', '/pincode']],
  ['explain -H a:b POST /ph', ['/phonepe']],
  ['explain POST /phonepe ', []],
  ['completion z', ['zsh']],
  ['ca ', ['show', 'export', 'trust', 'untrust', 'help']],
  ['ca show --j', ['--json']],
  ['help ch', ['check']],
  ['exec -- st', []],
  ['exec --intercept -- curl --', []],
  ['toString ', []],
  ['nonsense ', []],
] as const) {
  anyTest(`what may follow: outrider ${line}`, (t) => {
    t.deepEqual(wordsFor(line.split(' '), lookup), expected);
  });
}

anyTest('no config is read where no name of it is wanted', (t) => {
  t.notThrows(() => wordsFor(['start', '--'], never));
  t.notThrows(() => wordsFor(['st'], never));
  t.throws(() => wordsFor(['token', ''], never));
});

anyTest('names are read from a config, however broken the rest of it is', (t) => {
  const text = `version: [1
providers:
  # one
  phonepe:
    profile: phonepe
    credentials: { client_id: \${X} }
  "own-1": { profile: bearer }
	x: broken
  Acme.pay:\r
    endpoints:
      api: https://a.test
callers:
  - name: shop
    token: name
  - { token: x, name: "night.job", routes: [a] }
routes:
  - provider: phonepe
    match: { path: /phonepe, methods: [GET] }
  - match:
      path: "/own 1"
  - { name: a, match: {path: /a}, path: x }
other:
  not: one
`;
  const { callers, providers, paths } = namesIn(text);
  t.deepEqual(callers, ['shop', 'night.job']);
  t.deepEqual(providers, ['phonepe', 'own-1', 'Acme.pay']);
  t.deepEqual(paths, ['/phonepe', '/own', '/a']);
  t.deepEqual(namesIn(''), { callers: [], providers: [], paths: [] });
});

/** What `--help` lists under a heading. */
const listed = (help: string, heading: string): string[] =>
  (new RegExp(`^${heading}:\\n((?:  .*\\n?)+)`, 'm').exec(help)?.[1] ?? '')
    .split('\n')
    .filter((line) => /^ {2}\S/.test(line) && !line.includes('(not available yet)'));

async function checkAgainstHelp(t: ExecutionContext, way: readonly string[]): Promise<void> {
  const { stdout } = await run(t, [...way, '--help']);
  const options = [...listed(stdout, 'Options'), ...listed(stdout, 'Global Options')].flatMap(
    (line) =>
      line
        .trim()
        .replace(/ {2,}.*$/, '')
        .match(/(?<!\S)--?[a-z][\w-]*/gi) ?? [],
  );
  const known = way.length === 0 ? optionsIn([]) : [...optionsIn(way), '-V', '--version'];
  t.deepEqual([...known].toSorted(), options.toSorted(), way.join(' '));
  const commands = listed(stdout, 'Commands').map((line) => line.trim().split(/[ |]/, 1)[0] as string);
  t.deepEqual([...commandsIn(way)].toSorted(), commands.toSorted(), way.join(' '));
}

anyTest.serial('the words are those of the commands themselves', async (t) => {
  t.timeout(120_000);
  await checkAgainstHelp(t, []);
  for (const name of Object.keys(COMMANDS)) {
    if (name === 'help') continue;
    await checkAgainstHelp(t, [name]);
    for (const below of commandsIn([name])) if (below !== 'help') await checkAgainstHelp(t, [name, below]);
  }
});

anyTest.serial(
  'the words of a call come from the config that it names, and a broken or missing one is no complaint',
  async (t) => {
    const { dir, file } = configFile(t, 'providers:\n  mine: {}\n  yours: [\n');
    const words = (...line: string[]) =>
      run(t, ['completion', '--words', '--', ...line], { cwd: dir, script: LAUNCHER });
    t.deepEqual(await words('token', 'm'), { code: 0, stdout: 'mine\n', stderr: '' });
    t.deepEqual(await words('--config', file, 'token', ''), { code: 0, stdout: 'mine\nyours\n', stderr: '' });
    t.deepEqual(await words('--config', '/nowhere', 'token', ''), { code: 0, stdout: '', stderr: '' });
    t.deepEqual(await words('--config', dir, 'token', ''), { code: 0, stdout: '', stderr: '' });
    t.deepEqual(await words(), {
      code: 0,
      stdout: Object.keys(COMMANDS)
        .map((name) => `${name}\n`)
        .join(''),
      stderr: '',
    });
    const profiles = await words('init', 'pin');
    t.is(profiles.stdout, 'pincode\n');
  },
);

anyTest.serial('a script is printed without any config', async (t) => {
  const { code, stdout, stderr } = await run(t, ['completion', 'bash'], { env: { OUTRIDER_CONFIG: '/nowhere' } });
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^complete .* outrider$/m);
});

/** A directory with a config, a file to complete, and an `outrider` that says how it was called unless it was by a shell. */
function home(t: ExecutionContext): { dir: string; bin: string } {
  const { dir } = configFile(t, 'providers:\n  phonepe: {}\nroutes:\n  - match: { path: /pay-here }\n');
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\nif [ "$1" = completion ]; then exec ${process.execPath} ${LAUNCHER} "$@"; fi\necho "CALLED <$*>"\n`;
  writeFileSync(join(bin, 'outrider'), script, { mode: 0o755 });
  writeFileSync(join(dir, 'some-file.yaml'), '');
  return { dir, bin };
}

const READY = 'READY-1';
const SHELLS: readonly { name: string; args: readonly string[]; setUp: string }[] = [
  {
    name: 'bash',
    args: ['--norc', '--noprofile', '-i'],
    setUp: `bind 'set enable-bracketed-paste off'; eval "$(outrider completion bash)"; echo READY-$((0+1))\n`,
  },
  {
    name: 'zsh',
    args: ['-f', '-i'],
    setUp: `autoload -Uz compinit; compinit -u; eval "$(outrider completion zsh)"; echo READY-$((0+1))\n`,
  },
  {
    name: 'fish',
    args: ['--no-config', '-i'],
    setUp: `outrider completion fish | source; echo READY-(math 0 + 1)\n`,
  },
];

for (const { name, args, setUp } of SHELLS) {
  const { test, why } = needs('python3', name);
  test(`${name} completes commands, options, providers, routes, and files where none of these may stand${why}`, async (t) => {
    const { dir, bin } = home(t);
    const steps: readonly Step[] = [
      ['', setUp],
      [READY, 'outrider doc\tph\t\n'],
      ['CALLED <doctor phonepe>', 'outrider explain POST /pa\t\n'],
      ['CALLED <explain POST /pay-here>', 'outrider start --w\t\n'],
      ['CALLED <start --watch>', 'outrider check --config some-f\t\n'],
      ['CALLED <check --config some-file.yaml>', 'exit 7\n'],
    ];
    const env = { PATH: `${bin}:${process.env['PATH']}`, TERM: 'xterm' };
    const { code, said } = await typed(steps, [name, ...args], { cwd: dir, env });
    t.is(code, 7, said);
  });
}
