import { writeFileSync } from 'node:fs';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Locator, Page } from 'playwright-core';
import {
  browserTest,
  closeBrowser,
  findingsOfAxe,
  keepScreenshot,
  openPage,
  type OpenOptions,
} from '../helpers/browser.ts';
import { withDefaults, type Outrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { ADMIN, givenApi, ORDER, SIMULATED } from './given.ts';

test.after.always(() => closeBrowser());

interface Given {
  readonly outrider: Outrider;
  readonly page: Page;
}

/** A proxy with simulators, and its page. */
async function givenPage(t: ExecutionContext, yaml = SIMULATED, options: OpenOptions = {}): Promise<Given> {
  t.timeout(120_000);
  const { outrider } = await givenApi(t, yaml);
  return { outrider, page: await openPage(t, outrider.adminOrigin ?? '', options) };
}

const sees = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();
const rowsOf = (page: Page): Locator => page.locator('.requests .row');
const provider = (page: Page, name: string): Locator => page.locator(`#provider-${name}`);

/** Resolves once the element has such a text. */
async function has(element: Locator, text: RegExp): Promise<void> {
  // A text may go over several lines.
  await element
    .filter({ hasText: new RegExp(text.source.replaceAll(' ', '\\s+'), `${text.flags}s`) })
    .first()
    .waitFor();
}

/** A request whose token the simulator has revoked, so that it is sent twice. */
async function callTwice({ outrider, page }: Given, id = 'page-test-twice'): Promise<Locator> {
  await outrider.call(ORDER);
  await page.getByRole('button', { name: 'Revoke tokens' }).click();
  await sees(page, /phonepe, xv: The next request is rejected/);
  await outrider.call(ORDER, { headers: ['X-Request-Id', id] });
  const row = rowsOf(page).filter({ hasText: id });
  await row.waitFor();
  return row;
}

browserTest('at its first start it says that all is well, and where requests go', async (t) => {
  const { outrider, page } = await givenPage(t);
  await has(page.locator('.verdict'), /All is well/);
  await has(page.locator('.verdict'), new RegExp(`Nothing has passed yet: requests go to ${outrider.origin}`));
  await has(provider(page, 'phonepe'), /no token yet/);
  await has(provider(page, 'xv'), /no token needed/);
  await has(page.locator('#requests'), /No request has come yet/);
  t.is(await rowsOf(page).count(), 0);
  t.deepEqual(await findingsOfAxe(page), []);
  await keepScreenshot(page, 'first-start');
});

browserTest('it shows the lives of tokens, the requests as they end, and how many there were', async (t) => {
  const { outrider, page } = await givenPage(t);
  for (let i = 0; i < 20; i++) await outrider.call(`/phonepe/checkout/v2/order/order-${i}/status`);
  await has(page.locator('.verdict'), /All is well.*20 requests in the last minute, none failed/);
  await has(provider(page, 'phonepe'), /valid.*expires in .* min.*renewal in .* min.*token 1.*1 renewal/);
  t.true(
    Number(await page.getByRole('meter', { name: 'Life of the token of phonepe' }).getAttribute('aria-valuenow')) > 95,
  );
  await rowsOf(page).nth(19).waitFor();
  await has(rowsOf(page).first(), /404\s*GET\s*\/phonepe\/checkout\/v2\/order\/order-19\/status\s*phonepe\s*injected/);
  // Ten seconds have to be over.
  await page.getByRole('img', { name: /^Requests over the last 15 minutes: .* at most$/ }).waitFor();
  await page.getByRole('img', { name: /^Requests .* [12](?:\.\d+)?\/s at most$/ }).waitFor();
  await page.getByRole('img', { name: /^99th percentile .* ms at most$/ }).waitFor();
  t.deepEqual(await findingsOfAxe(page), []);
  await keepScreenshot(page, 'well');
});

browserTest('a provider whose renewal fails is told first, with the reason, and leads to it', async (t) => {
  const { outrider, page } = await givenPage(t);
  await outrider.call(ORDER);
  await page.getByLabel('Which').selectOption('phonepe');
  await page.getByRole('button', { name: 'Fail token calls' }).click();
  await sees(page, 'phonepe: Token calls are answered with 503.');
  await page.getByRole('button', { name: 'Renew the token of phonepe' }).click();
  await has(provider(page, 'phonepe'), /Not renewed: .*503/);
  const finding = page
    .locator('.verdict')
    .getByRole('link', { name: /phonepe: renewal fails, the token lasts another .*503/ });
  await finding.waitFor();
  await has(provider(page, 'phonepe'), /renewal fails.*1 renewal, \d+ failed.*Last failure.*503/);
  await finding.click();
  t.is(await page.evaluate('document.activeElement.id'), 'provider-phonepe');
  await page.getByRole('button', { name: 'Revoke tokens' }).click();
  await outrider.call(ORDER);
  await page.locator('.notices summary').click();
  await has(page.locator('.notices li'), /phonepe: no new token: .*503/);
  // It doesn't come and go between two looks at the status.
  await has(page.locator('.verdict'), /phonepe: renewal fails.*503.*1 request rejected and not sent again/);
  t.notRegex((await page.locator('.verdict').textContent()) ?? '', /renewal_failed/);
  // The log's message of the same failure would tell it twice.
  t.notRegex((await page.locator('.notices').textContent()) ?? '', /token_unavailable/);
  t.deepEqual(await findingsOfAxe(page), []);
  await keepScreenshot(page, 'provider-failing');
  await page.getByRole('button', { name: 'Token calls work again' }).click();
  await sees(page, 'phonepe: Token calls are answered as usual.');
  // By hand it is renewed once in a cooldown, and the retry after the failures may have brought a token first.
  const renew = page.getByRole('button', { name: 'Renew the token of phonepe' });
  for (let i = 0; i < 20; i++) {
    await renew.click();
    const said = provider(page, 'phonepe')
      .locator('.said')
      .filter({ hasText: /Renewed: token|Not renewed/ });
    await said.waitFor();
    if ((await said.textContent())?.startsWith('Renewed')) break;
    t.regex((await said.textContent()) ?? '', /cooldown|again|renewed/i);
    await page.waitForTimeout(500);
  }
  await has(provider(page, 'phonepe').locator('.said'), /Renewed: token [23]/);
});

browserTest(
  'a request opened shows its way, both attempts with the generation of each, and why it was sent again',
  async (t) => {
    const given = await givenPage(t);
    const { page, outrider } = given;
    await (await callTwice(given)).click();
    const dialog = page.getByRole('dialog');
    await has(dialog, /It reached the provider, which answered 404/);
    await has(dialog, /page-test-twice/);
    const attempts = dialog.locator('.attempt');
    t.is(await attempts.count(), 2);
    await has(attempts.nth(0), /Attempt 1.*401.*phonepe, token 1/);
    await has(attempts.nth(1), /Attempt 2.*404.*phonepe, token 2/);
    const boxes = await Promise.all([0, 1].map((i) => attempts.nth(i).boundingBox()));
    t.is(boxes[0]?.y, boxes[1]?.y, 'side by side');
    await has(dialog, /Sent again once with token 2: the first answer, 401, rejected its token 1/);
    await has(dialog, /added authorization/);
    await has(dialog, /Door\s*at the base URL/);
    await has(dialog, /Route\s*phonepe, which takes \/phonepe/);
    const bars = await dialog.locator('.waterfall .name').allTextContents();
    const partsOf = (attempt: number): string[] =>
      ['connect', 'send', 'wait', 'receive'].map((part) => `${attempt}: ${part}`);
    // The answer that rejects is read while the token is waited for.
    t.deepEqual(
      bars.filter((name) => name !== 'Outrider').toSorted(),
      [...partsOf(1), ...partsOf(2), 'token'].toSorted(),
    );
    t.true(bars.indexOf('token') > bars.indexOf('1: wait') && bars.indexOf('token') < bars.indexOf('2: connect'));
    await keepScreenshot(page, 'request-opened');
    await dialog.getByRole('button', { name: 'Copy as curl' }).click();
    await sees(page, /Copied/);
    t.is(await page.evaluate('navigator.clipboard.readText()'), `curl -i --path-as-is '${outrider.origin}${ORDER}'`);
    await dialog.getByRole('button', { name: 'Explain this' }).click();
    await has(dialog, /Door\s*the base URL/);
    await has(dialog, /Route\s*phonepe: /);
    t.deepEqual(await findingsOfAxe(page), []);
  },
);

browserTest('whether a request got to its provider is said in words, in the list and in the request', async (t) => {
  const breaking = await startUpstream(t, (arrival) => arrival.reset());
  const yaml = `${SIMULATED}  - { name: cut, match: { path: /cut }, upstream: "${breaking.origin}" }\n`;
  const { outrider, page } = await givenPage(t, yaml);
  await outrider.call('/cut/order-78', { method: 'POST', body: '{}', headers: ['X-Request-Id', 'id-of-78'] });
  await page.getByLabel('Find').fill('id-of-78');
  const cut = rowsOf(page);
  await has(cut, /502.*may have reached it: upstream_failed/);
  await cut.click();
  await has(page.getByRole('dialog'), /It may have reached the provider.*ask it for the status/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await outrider.call('/dead/order-77');
  await outrider.call('/nowhere');
  await has(rowsOf(page), /never sent: upstream_unreachable/);
  await rowsOf(page).filter({ hasText: '/dead/order-77' }).click();
  const dialog = page.getByRole('dialog');
  await has(dialog, /It was never sent to the provider/);
  await has(dialog, /502, upstream_unreachable/);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'detached' });
  await has(
    page.locator('.verdict'),
    /Something is wrong.*2 of 3 requests failed in the last minute \(most: dead: upstream_unreachable\)/,
  );
  await rowsOf(page).filter({ hasText: '/nowhere' }).click();
  await has(dialog, /Route\s*none fits/);
  await has(dialog, /Not sent at all/);
  await dialog.getByRole('button', { name: 'Explain this' }).click();
  await has(dialog, /404, route_not_found/);
  t.is(await dialog.locator('.attempt').count(), 0);
});

browserTest('the list is narrowed by route, status and text, and stands still when asked to', async (t) => {
  const { outrider, page } = await givenPage(t);
  await outrider.call('/phonepe/checkout/v2/order/order-4711/status', { headers: ['X-Request-Id', 'id-of-4711'] });
  await outrider.call('/dead/x');
  await outrider.call('/nowhere');
  await rowsOf(page).nth(2).waitFor();
  const paths = (): Promise<string[]> => rowsOf(page).locator('.path').allTextContents();
  const becomes = async (expected: readonly string[]): Promise<void> => {
    await page
      .locator('.standing')
      .filter({ hasText: `${expected.length} request` })
      .waitFor();
    t.deepEqual(await paths(), expected);
  };
  const order = '/phonepe/checkout/v2/order/order-4711/status';
  const find = page.getByLabel('Find');
  for (const text of ['order-4711', 'ID-OF-4711']) {
    await find.fill(text);
    await becomes([order]);
  }
  await find.fill('order-4712');
  await has(
    page.locator('#requests'),
    /None of them is like that. The last 3 requests are here, back to \d+:.*access log/,
  );
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByLabel('Route').selectOption('dead');
  await becomes(['/dead/x']);
  await page.getByLabel('Route').selectOption({ label: 'no route' });
  await becomes(['/nowhere']);
  await page.getByLabel('Route').selectOption({ label: 'every route' });
  await page.getByLabel('Status').selectOption('4xx');
  await becomes(['/nowhere', order]);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await outrider.call('/nowhere/late');
  await has(page.locator('.standing'), /3 requests, standing still: 1 newer one/);
  t.false((await paths()).includes('/nowhere/late'));
  await page.getByRole('button', { name: 'Pause' }).click();
  await has(rowsOf(page).first(), /\/nowhere\/late/);
  // It does not run away below the pointer.
  await rowsOf(page).first().hover();
  await outrider.call('/nowhere/later');
  await has(page.locator('.standing'), /standing still: 1 newer one/);
  await page.locator('h1').hover();
  await has(rowsOf(page).first(), /\/nowhere\/later/);
});

const MARKUP = '<img/src=x/onerror=alert(1)>';

browserTest('what comes from outside is text, whatever it looks like', async (t) => {
  const yaml = SIMULATED.replace('name: dead', `name: "${MARKUP}"`);
  const { outrider, page } = await givenPage(t, yaml);
  await outrider.call('/dead/x');
  await outrider.call(`/nowhere/${MARKUP}`);
  await has(rowsOf(page), /no route/);
  t.deepEqual((await page.locator('.row .route').allTextContents()).toSorted(), [MARKUP, 'no route']);
  t.true((await page.locator('.row .path').allTextContents()).includes(`/nowhere/${MARKUP}`));
  await rowsOf(page).filter({ hasText: '/dead/x' }).click();
  await has(page.getByRole('dialog'), /Route\s*<img/);
  await page.keyboard.press('Escape');
  await rowsOf(page).filter({ hasText: '/nowhere' }).click();
  await page.getByRole('heading', { name: `GET /nowhere/${MARKUP}` }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('URL or path').fill('/dead/x');
  await page.getByLabel('Headers').fill(`${MARKUP}: x`);
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await has(page.locator('#explain .failure'), /bad_request/);
  await page.getByLabel('Headers').fill(`X-Other: ${MARKUP}`);
  await page.getByLabel('URL or path').fill(`/dead/${MARKUP}`);
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await has(page.locator('#explain .answer'), /Route\s*<img/);
  t.is(await page.locator('img').count(), 0);
});

browserTest('a page too many says that it is not live, and becomes so when there is room', async (t) => {
  t.timeout(120_000);
  const { outrider } = await givenApi(t);
  const full = new AbortController();
  const open = (): Promise<Response> => fetch(`${outrider.adminOrigin}/api/events`, { signal: full.signal });
  await Promise.all(Array.from({ length: 32 }, open));
  const page = await openPage(t, outrider.adminOrigin ?? '');
  await has(page.locator('#requests'), /Not live: 32 readers have this open already/);
  full.abort();
  await page.locator('#requests .failure').waitFor({ state: 'detached' });
  await outrider.call('/nowhere');
  await rowsOf(page).first().waitFor();
  t.pass();
});

browserTest('a request is explained without being sent', async (t) => {
  const { outrider, page } = await givenPage(t);
  await page.getByLabel('Method').selectOption('POST');
  await page.getByLabel('URL or path').fill('/xv/pg/v1/pay');
  await page.getByLabel('Headers').fill('Content-Type: application/json\nX-Mine: 1');
  await page.getByLabel('Body').fill('{"request":"e30="}');
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  const answer = page.locator('#explain .answer');
  await has(answer, /Provider\s*xv \(phonepe-x-verify, simulator\)/);
  await has(answer, /X-VERIFY: \[hidden\]/i);
  await page.getByLabel('URL or path').fill('/nothing/here');
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await has(answer, /404, route_not_found/);
  await page.getByLabel('Headers').fill('no header');
  await page.getByRole('button', { name: 'Explain', exact: true }).click();
  await has(answer, /a name, a colon and a value: no header/);
  t.is(outrider.logs().length, 0);
});

browserTest('a config that is refused is told line by line, until it is mended', async (t) => {
  const { outrider, page } = await givenPage(t);
  const { file } = outrider.app.config;
  writeFileSync(file, withDefaults(SIMULATED.replace('match: { path: /dead }', 'mtch: { path: /dead }')));
  await page.getByRole('button', { name: 'Reload the config' }).click();
  const config = page.locator('#config');
  await has(config, /Not reloaded: the file has errors/);
  await has(config.locator('.diagnostics'), /error.*mtch.*unknown_key.*proxy\.config\.yaml:\d+:\d+/);
  const finding = page.locator('.verdict').getByRole('link', { name: /the config file has errors/ });
  await finding.click();
  t.is(await page.evaluate('document.activeElement.id'), 'config');
  t.deepEqual(await findingsOfAxe(page), []);
  writeFileSync(file, withDefaults(SIMULATED.replace('/dead', '/gone')));
  await page.getByRole('button', { name: 'Reload the config' }).click();
  await has(config, /Reloaded: the next request goes by it/);
  await config.locator('.diagnostics').waitFor({ state: 'detached' });
  await has(page.locator('.verdict'), /All is well/);
});

const TOKEN = 'token-of-the-page-test';

browserTest('where the API wants a token the page asks for it once, and forgets it when it is closed', async (t) => {
  const { page, outrider } = await givenPage(
    t,
    SIMULATED.replace(ADMIN, `admin: { address: 127.0.0.1:0, token: ${TOKEN} }`),
  );
  const field = page.getByLabel('Admin token');
  await field.fill('another-token');
  t.deepEqual(await findingsOfAxe(page), []);
  await field.press('Enter');
  await sees(page, /^Refused: this needs/);
  t.is(await page.locator('#providers').count(), 0);
  await field.fill(TOKEN);
  await field.press('Enter');
  await has(page.locator('.verdict'), /All is well/);
  await outrider.call(ORDER);
  await rowsOf(page).first().waitFor();
  await page.getByRole('button', { name: 'Revoke tokens' }).click();
  await sees(page, /The next request is rejected/);
  t.is(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length'), 0);
  await page.reload();
  await field.waitFor();
});

for (const [width, colorScheme] of [
  [360, 'dark'],
  [1_440, 'dark'],
] as const)
  browserTest(`it is whole and readable at ${width} px in ${colorScheme}`, async (t) => {
    const given = await givenPage(t, SIMULATED, { width, height: 800, colorScheme });
    const { page, outrider } = given;
    await outrider.call(`/nowhere/${'long'.repeat(60)}`);
    const row = await callTwice(given, `an-id-${'of-some-length-'.repeat(3)}`);
    const isWide = (): Promise<boolean> => page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
    t.false(await isWide());
    t.deepEqual(await findingsOfAxe(page), []);
    await keepScreenshot(page, `${colorScheme}-${width}`);
    await row.click();
    await has(page.getByRole('dialog'), /Both attempts/);
    t.false(await page.evaluate<boolean>('((d) => d.scrollWidth > d.clientWidth)(document.querySelector("dialog"))'));
    t.deepEqual(await findingsOfAxe(page), []);
    await keepScreenshot(page, `${colorScheme}-${width}-request`);
  });

browserTest('all of it can be done with the keyboard, and nothing moves for those who want that', async (t) => {
  const { outrider, page } = await givenPage(t, SIMULATED, { isReducedMotion: true });
  for (const path of ['/nowhere/1', '/nowhere/2', '/nowhere/3', ORDER]) await outrider.call(path);
  await rowsOf(page).nth(3).waitFor();
  await page.locator('.bar .left').waitFor();
  t.is(await page.evaluate('getComputedStyle(document.querySelector(".bar .left")).transitionDuration'), '0s');
  const focused = (): Promise<string> =>
    page.evaluate('document.activeElement === document.body ? "" : document.activeElement.textContent');
  const tabTo = async (text: string): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      if ((await focused()).includes(text)) break;
      await page.keyboard.press('Tab');
    }
    t.true((await focused()).includes(text), text);
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    t.not(outline, 'none', text);
  };
  await tabTo('Renew');
  await page.keyboard.press('Enter');
  await has(provider(page, 'phonepe'), /Renewed: token 2/);
  await tabTo('Pause');
  await tabTo(ORDER);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  t.regex(await focused(), /\/nowhere\/2/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'GET /nowhere/2' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  t.regex(await focused(), /\/nowhere\/2/);
  await page.keyboard.press('ArrowUp');
  t.regex(await focused(), /\/nowhere\/3/);
  await tabTo('Revoke tokens');
});

browserTest('thousands of requests leave 200 rows, and a proxy that is gone is told', async (t) => {
  const { outrider, page } = await givenPage(t);
  for (let i = 0; i < 25; i++) await Promise.all(Array.from({ length: 50 }, () => outrider.call('/nowhere')));
  await has(page.locator('.standing'), /The newest 200 of 1,250/);
  t.is(await rowsOf(page).count(), 200);
  await outrider.app.stop({ signal: 'SIGINT' });
  await has(page.locator('.verdict'), /Something is wrong.*nothing answers at 127\.0\.0\.1:\d+/);
});
