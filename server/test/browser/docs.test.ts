// The two pages of documents in a real browser. Pictures are left in test-results/.
import { expect, test } from 'vitest';
import { startApp } from '../harness.ts';
import { type Locator, openWindow, type Page, picture, startBrowser, type Window } from './chromium.ts';

const api = await startApp();
const ann = await api.register();
const bob = await api.register();
const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
const browser = await startBrowser();

async function open(path: string): Promise<Window> {
  const window = await openWindow(browser, origin);
  await window.page.goto(origin + path, { waitUntil: 'networkidle' });
  return window;
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

test('#233 Swagger UI says where a token comes from, and offers no call that would never be complete', async () => {
  const { page, complaints } = await open('/docs#/Events/events.stream');
  const stream = operationOf(page, 'get', '/events');
  await stream.getByText('curl -N').waitFor();
  expect(await stream.getByRole('button', { name: 'Try it out' }).count()).toBe(0);
  await stream.screenshot({ path: picture('swagger-ui-events') });
  await operationOf(page, 'get', '/health').locator('.opblock-summary-control').click();
  await operationOf(page, 'get', '/health').getByRole('button', { name: 'Try it out' }).waitFor();

  await page.getByRole('button', { name: 'Authorize', exact: true }).first().click();
  await page.locator('.dialog-ux').getByText('access_token').waitFor();
  expect(await page.locator('.dialog-ux').textContent()).toMatch(/access_token.*POST \/users\/signIn/);
  await page.screenshot({ path: picture('swagger-ui-authorize') });
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
  await page
    .getByRole('heading', { name: 'Make a plan of seven days, which becomes the current one' })
    .waitFor();
  for (const path of ['/physicalPlans', '/outherTasks', '/users/signIn'])
    await page.getByText(path, { exact: true }).first().waitFor({ state: 'attached' });
  await page.screenshot({ path: picture('redoc') });
  await page
    .getByRole('heading', { name: 'Make a plan of seven days, which becomes the current one' })
    .scrollIntoViewIfNeeded();
  await page.screenshot({ path: picture('redoc-operation') });
  expect(complaints).toEqual([]);
});
