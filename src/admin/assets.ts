import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { OutriderError } from '../core/errors.ts';
import { PACKAGE_FILE, PACKAGE_ROOT } from '../core/package.ts';
import type { AdminAnswer, Page } from './answer.ts';

/** The page's own files. A browser runs the scripts as they stand. */
const OWN = [
  'index.html',
  'icon.svg',
  'page.css',
  'main.js',
  'app.js',
  'model.js',
  'client.js',
  'html.js',
  'format.js',
  'findings.js',
  'filter.js',
  'curl.js',
  'providers.js',
  'charts.js',
  'requests.js',
  'request.js',
  'bars.js',
  'explain.js',
  'config.js',
  'simulators.js',
  'token-form.js',
] as const;

/** What is served of libraries: the name here, the library, and the file in it. `index.html` maps specifiers to these names. */
const LIBRARIES = [
  { name: 'preact.js', library: 'preact', file: 'dist/preact.mjs' },
  { name: 'preact-hooks.js', library: 'preact', file: 'hooks/dist/hooks.mjs' },
  { name: 'htm.js', library: 'htm', file: 'dist/htm.module.js' },
  { name: 'uplot.js', library: 'uplot', file: 'dist/uPlot.esm.js' },
  { name: 'uplot.css', library: 'uplot', file: 'dist/uPlot.min.css' },
] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript; charset=utf-8',
};

const inLibrary = (library: string, file: string): string =>
  join(dirname(findPackageJSON(library, PACKAGE_FILE) as string), file);

/** Where each file lies in a checkout. */
const inCheckout = (): ReadonlyMap<string, string> =>
  new Map([
    ...OWN.map((name) => [name, join(PACKAGE_ROOT, 'src/admin/page', name)] as const),
    ...LIBRARIES.map(({ name, library, file }) => [name, inLibrary(library, file)] as const),
  ]);

/** Where each file lies in the package, which brings no libraries with it. */
const inPackage = (): ReadonlyMap<string, string> =>
  new Map([...OWN, ...LIBRARIES.map(({ name }) => name)].map((name) => [name, join(PACKAGE_ROOT, 'dist/page', name)]));

/** Copies the page to where the package has it, with the licences of its libraries. */
export function copyAssets(): void {
  const to = join(PACKAGE_ROOT, 'dist/page');
  mkdirSync(to, { recursive: true });
  for (const [name, file] of inCheckout()) copyFileSync(file, join(to, name));
  for (const library of new Set(LIBRARIES.map((one) => one.library)))
    copyFileSync(inLibrary(library, 'LICENSE'), join(to, `${library}.LICENSE`));
}

/** What the page may load and do. Its one inline script is the map of its libraries' names, which is allowed by its digest. */
function policy(html: string): string {
  const [, map = ''] = /<script type="importmap">([^]*?)<\/script>/.exec(html) ?? [];
  const digest = createHash('sha256').update(map).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${digest}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // No text can become markup, or script, by whatever way.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

/** The page for people, and the files that it needs; each is read when it is asked for first. */
export function createAssetPages(): readonly (readonly [path: string, page: Page])[] {
  const isCheckout = import.meta.filename.endsWith('.ts');
  let files: ReadonlyMap<string, string> | undefined;
  const read = new Map<string, AdminAnswer>();

  function asset(name: string): AdminAnswer {
    files ??= isCheckout ? inCheckout() : inPackage();
    const file = files.get(name);
    if (file === undefined) throw new OutriderError('not_found', { detail: 'the page has no file of that name' });
    const known = read.get(name);
    if (known) return known;
    const body = readFileSync(file, 'utf8');
    const type = TYPES[extname(name)] as string;
    const answer: AdminAnswer = {
      status: 200,
      type,
      body,
      ...(name === 'index.html' && { headers: { 'Content-Security-Policy': policy(body) } }),
    };
    read.set(name, answer);
    return answer;
  }

  return [
    ['/', { GET: () => asset('index.html') }],
    ['/page/NAME', { GET: ({ name }) => asset(name) }],
  ];
}
