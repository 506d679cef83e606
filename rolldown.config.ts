import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import license from 'rollup-plugin-license';
import { defineConfig, type Plugin } from 'rolldown';
import { copyAssets } from './src/admin/assets.ts';

const DIST = 'dist';
const OUTPUT = { dir: DIST, format: 'esm', chunkFileNames: 'chunks/[name].js' } as const;
const LIBRARY = { index: 'src/index.ts', simulator: 'src/simulator/index.ts' };

/**
 * Node's own modules without what an `import` of them does: it asks for every export at once, and thereby loads what nobody uses.
 * `node:http` brings all of undici with it that way, `node:fs` its streams and `node:readline`: half the time of a start.
 * The builder's own runtime needs `node:module` as it is.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  resolveId: {
    order: 'pre',
    handler: (id) => (isBuiltin(id) && id !== 'node:module' ? `\0builtin:${id}.cjs` : undefined),
  },
  load: (id) => {
    const name = /^\0builtin:(.*)\.cjs$/.exec(id)?.[1];
    if (name === undefined) return undefined;
    return { code: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`, moduleType: 'js' };
  },
};

/** A character as code writes it: an escape for each of its UTF-16 units. */
const escaped = (char: string): string =>
  char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/**
 * Code in ASCII alone, with escapes for all else. A file with one other character takes twice the memory and is read far more
 * slowly. An escape means the same wherever code holds such a character, but behind a backslash, and in a tagged template.
 */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      const odd = /(?<!\\)(?:\\\\)*\\\P{ASCII}|String\.raw`[^`]*\P{ASCII}/u.exec(file.code);
      if (odd) throw new Error(`${file.fileName} can't be written in ASCII: ${odd[0].slice(-80)}`);
      file.code = file.code.replaceAll(/\P{ASCII}/gu, escaped);
    }
  },
};

/** Has the compiler write the declarations of every file to a temporary directory. */
function declareAll(): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-types-'));
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--noCheck', '--rootDir', '.'];
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', ...options, '--outDir', dir], {
    stdio: 'inherit',
  });
  return dir;
}

/** Copies the declarations of a file from there to `dist/types`, and those of the files that they name. */
function declare(from: string, file: string, done: Set<string>): void {
  if (done.has(file)) return;
  done.add(file);
  const declaration = file.replace(/\.ts$/, '.d.ts');
  const code = readFileSync(join(from, declaration), 'utf8');
  const target = join(DIST, 'types', relative('src', declaration));
  mkdirSync(dirname(target), { recursive: true });
  const other = /(from ["'])(\.[^"']+)\.ts(?=["'])/g;
  writeFileSync(target, code.replaceAll(other, '$1$2.js'));
  for (const [, , name] of code.matchAll(other)) declare(from, join(dirname(file), `${name}.ts`), done);
}

/** Writes the types of the library alone, without those of everything behind it. */
function declareLibrary(): void {
  const from = declareAll();
  try {
    const done = new Set<string>();
    for (const file of Object.values(LIBRARY)) declare(from, file, done);
  } finally {
    rmSync(from, { recursive: true });
  }
}

/**
 * The files that a start loads: four in place of fifty, since each one has to be found, read and linked. Node's own modules are
 * apart, because the command line needs them before it keeps compiled code; `common` is what every command loads.
 */
const STARTED = [
  { name: 'builtin', test: /^\0builtin:/, priority: 4 },
  {
    name: 'common',
    test: /\/src\/(core|commands\/(output|process|words)|config\/diagnostics\/suggest|http1\/methods)\b/,
    priority: 3,
  },
  { name: 'config', test: /\/src\/config\/load\.ts$/, priority: 2 },
  { name: 'start', test: /\/src\/(commands\/start|app)\.ts$/, priority: 1 },
];

/** Without white space and comments, half as many bytes are read and checked at each start. Names stay as they are. */
const COMPACT = { compress: false, mangle: false, codegen: { removeWhitespace: true } };

/** Without it winston brings the colours of its own debug output. */
const FOR_PRODUCTION = { define: { 'process.env.NODE_ENV': JSON.stringify('production') } };

/** The libraries go into what is built: a tenth of what they install is used. */
export default defineConfig([
  {
    input: { ...LIBRARY, cli: 'src/cli.ts' },
    platform: 'node',
    // @redis/client does without it.
    external: ['@node-rs/xxhash'],
    transform: FOR_PRODUCTION,
    output: { ...OUTPUT, cleanDir: true, minify: COMPACT, codeSplitting: { groups: STARTED } },
    plugins: [lazyBuiltins, ascii, license({ thirdParty: { output: `${DIST}/licenses.txt` } })],
  },
  {
    // In one file and apart from the rest: each file that is opened counts where an answer is waited for.
    input: { launch: 'src/launch.ts' },
    platform: 'node',
    output: { ...OUTPUT, chunkFileNames: 'chunks/launch-[name].js' },
    plugins: [
      lazyBuiltins,
      ascii,
      {
        name: 'launcher-types-and-page',
        resolveId: (id) => (id === './cli.ts' ? { id: './cli.js', external: true } : undefined),
        writeBundle() {
          declareLibrary();
          copyAssets();
          copyFileSync('src/outrider.cjs', `${DIST}/outrider.cjs`);
          chmodSync(`${DIST}/outrider.cjs`, 0o755);
        },
      },
    ],
  },
]);
