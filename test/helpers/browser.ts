import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import test, { type ExecutionContext, type Implementation } from 'ava';
import { chromium, type Browser, type Page } from 'playwright-core';
import { watchFor } from './watch.ts';

const PROGRAM = '/usr/bin/chromium';
/** Where screenshots are kept, for people to look at. */
const ARTIFACTS = join(import.meta.dirname, '../../artifacts/page');
/** The machine may have others to serve. */
const PATIENCE_MS = 60_000;

const isMissing = !existsSync(PROGRAM);

/** A test that needs a browser, after the others of its file: where there is none it is skipped and says why, but for CI, where it must be there. */
export function browserTest(title: string, run: Implementation<[]>): void {
  if (isMissing && !process.env['CI']) test.serial.skip(`${title} (skipped: chromium is not installed)`, run);
  else test.serial(title, run);
}

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly isReducedMotion?: boolean;
}

let browser: Promise<Browser> | undefined;

const launch = (): Promise<Browser> =>
  (browser ??= chromium.launch({
    executablePath: PROGRAM,
    // As root there is no sandbox, and a container's /dev/shm is small.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  }));

/** Ends the browser, if one was begun. */
export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
}

/**
 * Opens a page in a browser of its own. At the test's end it must have asked nobody but that origin, broken no rule of its content
 * security policy, thrown nothing, and have no secret in it.
 */
export async function openPage(t: ExecutionContext, origin: string, options: OpenOptions = {}): Promise<Page> {
  const { width = 1_440, height = 900, colorScheme = 'light', isReducedMotion = false } = options;
  const context = await (
    await launch()
  ).newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: isReducedMotion ? 'reduce' : 'no-preference',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const wrong: string[] = [];
  context.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) wrong.push(`asked ${request.url()}`);
  });
  await context.exposeFunction('reportViolation', (text: string) => wrong.push(`broke its policy: ${text}`));
  await context.addInitScript(`
    addEventListener('securitypolicyviolation', (event) =>
      reportViolation(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));
  `);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => wrong.push(`threw ${error.stack}`));
  let last = '';
  const watch = watchFor(t);
  watch.sees('the page', () => last);
  t.teardown(async () => {
    last = await page.content();
    await context.close();
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  });
  await page.goto(`${origin}/`);
  return page;
}

/** What axe finds wrong, in a line each. */
export async function findingsOfAxe(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Keeps what the page looks like; with a dialog open, as much of it as the window shows. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  const fullPage = (await page.getByRole('dialog').count()) === 0;
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), fullPage, animations: 'disabled' });
}
