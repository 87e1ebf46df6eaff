// The two pages of documents in a real browser (Chromium at CHROMIUM_PATH, by default Debian's). Pictures are left in
// test-results/.
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp } from '../harness.ts';

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const picture = (name: string) => fileURLToPath(new URL(`../../../test-results/${name}.png`, import.meta.url));

const api = await startApp();
const ann = await api.register();
const bob = await api.register();
await api.app.listen({ port: 0, host: '127.0.0.1' });
const origin = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: ARGS });
});
afterAll(() => browser?.close());

/** Opens a page and notes what it should not do. */
async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (asked !== origin && protocol !== 'data:' && protocol !== 'blob:') complaints.push(`asked another host: ${request.url()}`);
  });
  await page.goto(origin + path, { waitUntil: 'networkidle' });
  return { page, complaints };
}

/** The block of one operation in Swagger UI. */
const operationOf = (page: Page, method: string, path: string) =>
  page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });

async function authorize(page: Page, token: string): Promise<void> {
  await page.getByRole('button', { name: 'Authorize', exact: true }).first().click();
  const dialog = page.locator('.dialog-ux');
  await dialog.getByRole('textbox').fill(token);
  await dialog.getByRole('button', { name: /apply credentials|authorize/i }).click();
  await dialog.getByRole('button', { name: /close/i }).last().click();
}

/** Presses "Try it out" and "Execute" and waits for the answer to be shown. */
async function execute(page: Page, method: string, path: string): Promise<Locator> {
  const operation = operationOf(page, method, path);
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table');
  await answer.waitFor();
  await answer.scrollIntoViewIfNeeded();
  return answer;
}

test('#137 in Swagger UI a user signs in with a token and calls an operation', async () => {
  const { page, complaints } = await open('/docs');
  for (const tag of ['Auth', 'Physical plans', 'Mental plans', 'Resources', 'Tasks', 'Health'])
    await page.getByRole('heading', { name: tag }).first().waitFor();
  const { paths } = (await api.app.inject('/openapi.json')).json();
  const operations = Object.values(paths).flatMap((path) => Object.keys(path as object));
  expect(await page.locator('.opblock').count()).toBe(operations.length);
  await page.screenshot({ path: picture('swagger-ui') });
  await authorize(page, ann.token);
  const answer = await execute(page, 'get', '/users/me');
  await answer.getByText(ann.login).first().waitFor();
  expect(await answer.locator('.response-col_status').last().textContent()).toContain('200');
  await page.screenshot({ path: picture('swagger-ui-me') });
  expect(complaints).toEqual([]);
});

// Bob is not the first user: a body that is filled in with the id 1 would not work for him.
test.each(['/outherTasks', '/physicalPlans', '/mentalPlans', '/resources'])(
  'in Swagger UI POST %s works as it is filled in',
  async (path) => {
    const { page, complaints } = await open('/docs/');
    await authorize(page, bob.token);
    const answer = await execute(page, 'post', path);
    await page.screenshot({ path: picture(`swagger-ui-post${path.replace('/', '-')}`) });
    expect(await answer.locator('.response-col_status').last().textContent()).toContain('201');
    expect(complaints).toEqual([]);
  },
);

test('in Swagger UI a reader registers with what is filled in', async () => {
  const { page, complaints } = await open('/docs');
  const answer = await execute(page, 'post', '/users');
  await answer.getByText('access_token').first().waitFor();
  expect(await answer.locator('.response-col_status').last().textContent()).toContain('201');
  await page.screenshot({ path: picture('swagger-ui-register') });
  expect(complaints).toEqual([]);
});

test('#137 ReDoc renders the operations with their schemas', async () => {
  const { page, complaints } = await open('/redoc');
  await page.getByRole('heading', { name: 'Make a plan of seven days, which becomes the current one' }).waitFor();
  for (const path of ['/physicalPlans', '/outherTasks', '/users/signIn'])
    await page.getByText(path, { exact: true }).first().waitFor({ state: 'attached' });
  await page.screenshot({ path: picture('redoc') });
  await page.getByRole('heading', { name: 'Make a plan of seven days, which becomes the current one' }).scrollIntoViewIfNeeded();
  await page.screenshot({ path: picture('redoc-operation') });
  expect(complaints).toEqual([]);
});
