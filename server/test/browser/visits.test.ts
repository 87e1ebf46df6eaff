// Every page in a real browser, again and again: what it has kept, what it asks for anew, and behind a path prefix.
import { expect, test } from 'vitest';
import { startApp } from '../harness.ts';
import { openWindow, type Page, picture, startBrowser, withoutStreamEnds } from './chromium.ts';
import { prefixProxy } from './prefixProxy.ts';

const api = await startApp();
const ann = await api.register();
const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
const behind = await prefixProxy(origin, '/api');
const browser = await startBrowser();

const { paths } = (await api.rest('GET', '/openapi.json')).body as { paths: Record<string, object> };
const operations = Object.values(paths).flatMap((methods) => Object.keys(methods)).length;

/** The page at / is styled, and signs in: its scripts call the API and read the stream. */
async function signsIn(page: Page): Promise<void> {
  expect(await page.locator('h1 small').evaluate((small) => getComputedStyle(small).fontWeight)).toBe('400');
  await page.getByLabel('Login').fill(ann.login);
  await page.getByLabel('Password').fill(ann.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#connection').getByText('Live', { exact: true }).waitFor();
}

/** Swagger UI shows all operations, and calls the one that the URL names at the server that the page comes from. */
async function callsHealth(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Auth' }).waitFor();
  expect(await page.locator('.opblock').count()).toBe(operations);
  const operation = page.locator('.opblock').filter({ has: page.locator('[data-path="/health"]') });
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table').getByText('"connected"').first().waitFor();
  const called = await operation.locator('.request-url').textContent();
  expect(called?.replace('Request URL', '')).toBe(
    new URL('health', page.url().replace(/docs\/?(#.*)?$/, '')).href,
  );
}

/** ReDoc shows operations, and where they are. */
async function showsOperations(page: Page): Promise<void> {
  await page
    .getByRole('heading', { name: 'Make a plan of seven days, which becomes the current one' })
    .waitFor();
  const root = page.url().replace(/\/redoc\/?$/, '');
  await page.getByText(`${root}/physicalPlans`, { exact: true }).first().waitFor({ state: 'attached' });
  expect(await page.getByRole('link', { name: 'OpenAPI document' }).getAttribute('href')).toBe(
    `${root}/openapi.json`,
  );
}

const PAGES = [
  { path: '/', works: signsIn },
  { path: '/docs#/Health/health.check', works: callsHealth },
  { path: '/redoc', works: showsOperations },
];
const SLASHED = [
  { path: '', works: signsIn },
  { path: '/docs/#/Health/health.check', works: callsHealth },
  { path: '/redoc/', works: showsOperations },
];
const VISITS = [
  ...PAGES.map((page) => ({ ...page, at: origin, where: 'by itself' })),
  ...[...PAGES, ...SLASHED].map((page) => ({ ...page, at: `${behind}/api`, where: 'behind a path prefix' })),
];

/** What Chromium loads in advance, before the page at /api calls itself /api/. */
const inAdvance = (complaint: string): boolean =>
  complaint.includes(`${behind}/page/`) || complaint.includes('status of 404');

test.each(VISITS)(
  '#230 $where "$path" works when it is visited, again, reloaded and gone back to',
  async (visit) => {
    const { path, works, at, where } = visit;
    const { page, complaints } = await openWindow(browser, at);
    const name = `visit-${where}${path}`.replaceAll(/[/ ]/g, '-').replace(/#.*/, '');
    await page.goto(at + path);
    await works(page);
    await page.screenshot({ path: picture(name) });
    await page.goto('about:blank');
    await page.goto(at + path);
    await works(page);
    await page.reload();
    await works(page);
    await page.goto(`${at}/health`);
    await page.goBack();
    await works(page);
    await page.screenshot({ path: picture(`${name}-again`) });
    expect(withoutStreamEnds(complaints).filter((complaint) => path !== '' || !inAdvance(complaint))).toEqual(
      [],
    );
  },
);

test.each(['/api/', '/api'])(
  '#231 behind a path prefix the links of the page at %s lead to the documents',
  async (start) => {
    const { page } = await openWindow(browser, behind);
    for (const [name, path] of Object.entries({
      'Swagger UI': 'docs',
      ReDoc: 'redoc',
      'OpenAPI document': 'openapi.json',
      Health: 'health',
    })) {
      await page.goto(behind + start);
      const answered = page.waitForResponse(`${behind}/api/${path}`);
      await page.getByRole('link', { name, exact: true }).click();
      expect((await answered).status()).toBe(200);
      await page.waitForURL(`${behind}/api/${path}`);
    }
  },
);
