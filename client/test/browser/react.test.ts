// The React example in a real browser, on a real server: its cache follows what happens elsewhere.
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import {
  openWindow,
  type Page,
  picture,
  startBrowser,
  withoutStreamEnds,
} from '../../../server/test/browser/chromium.ts';
import { restartable } from '../../../server/test/browser/restartable.ts';
import { startApp } from '../../../server/test/harness.ts';

/** Where the example says that the server is. */
const URL_IN_EXAMPLE = 'http://localhost:8000';

const api = await startApp();
const server = await restartable(api);
const browser = await startBrowser(`--host-resolver-rules=MAP localhost:8000 ${new URL(server.url).host}`);

const { outputFiles } = await build({
  stdin: {
    contents: `
      import { createElement } from 'react';
      import { createRoot } from 'react-dom/client';
      import { App } from './live.tsx';
      createRoot(document.getElementById('root')).render(createElement(App));`,
    resolveDir: join(import.meta.dirname, '../../examples/react'),
  },
  bundle: true,
  format: 'iife',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  write: false,
});
const html = `<!doctype html><html lang="en"><title>Example</title><link rel="icon" href="data:,"><div id="root"></div><script>${outputFiles[0]?.text.replaceAll('</script', '<\\/script')}</script>`;

const tasksIn = (page: Page) => page.locator('li').allTextContents();

test('#320 whoever is not signed in sees "Sign in" after one request', async () => {
  const { page } = await openWindow(browser, URL_IN_EXAMPLE);
  await page.route(`${URL_IN_EXAMPLE}/example`, (route) =>
    route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }),
  );
  const asked: string[] = [];
  page.on(
    'request',
    (request) =>
      request.method() === 'GET' && request.url().includes('task.list') && asked.push(request.url()),
  );
  await page.goto(`${URL_IN_EXAMPLE}/example`);
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  expect(asked).toHaveLength(1);
});

test('its lists follow what happens elsewhere, also while the server was away', async () => {
  const { body: tokens } = await api.rest('POST', '/users', {
    body: { login: 'ann-in-react', password: 'correct horse battery' },
  });
  const { access_token: token } = tokens;
  const add = async (path: string, body: unknown) => (await api.rest('POST', path, { token, body })).body;
  const first = await add('/outherTasks', { title: 'Buy shoes' });

  const { page, complaints } = await openWindow(browser, URL_IN_EXAMPLE);
  await page.route(`${URL_IN_EXAMPLE}/example`, (route) =>
    route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }),
  );
  await page.addInitScript((kept) => localStorage.setItem('tokens', kept), JSON.stringify(tokens));
  const streaming = page.waitForResponse(/events\.stream/);
  await page.goto(`${URL_IN_EXAMPLE}/example`);
  await streaming;
  await expect.poll(() => tasksIn(page)).toEqual(['Buy shoes']);

  const second = await add('/outherTasks', { title: 'Find a route' });
  await expect.poll(() => tasksIn(page)).toEqual(['Find a route', 'Buy shoes']);
  await api.rest('PATCH', `/outherTasks/${first.id}`, {
    token,
    body: { title: 'Buy good shoes', status: true },
  });
  await expect.poll(() => tasksIn(page)).toEqual(['Find a route', 'Buy good shoes']);
  expect(await page.getByLabel('Buy good shoes').isChecked()).toBe(true);
  await api.rest('DELETE', `/outherTasks/${second.id}`, { token });
  await expect.poll(() => tasksIn(page)).toEqual(['Buy good shoes']);

  await page.getByLabel('Buy good shoes').click();
  await expect.poll(() => page.getByLabel('Buy good shoes').isChecked()).toBe(false);
  expect((await api.rest('GET', '/outherTasks', { token })).body[0].status).toBe(false);

  await add('/physicalPlans', { goal: 'Run 10 km', age: 30, gender: 'female', weight: 64.5, height: 172 });
  await add('/mentalPlans', { name: 'Spring', goal: 'Read more', resource_list: [] });
  await add('/resources', { type: 'book', name: 'Deep Work', description: '', volume: 304 });
  await page.getByText('Run 10 km, Read more: Deep Work').waitFor();
  await page.screenshot({ path: picture('react-example') });
  expect(complaints).toEqual([]);

  await server.stop();
  await add('/outherTasks', { title: 'Missed' });
  await server.start();
  await expect.poll(() => tasksIn(page)).toEqual(['Missed', 'Buy good shoes']);

  await server.stop();
  await add('/outherTasks', { title: 'Not kept' });
  await api.database.db.execute(sql`delete from events`);
  await server.start();
  await expect.poll(() => tasksIn(page)).toEqual(['Not kept', 'Missed', 'Buy good shoes']);
  expect(withoutStreamEnds(complaints)).toEqual([]);
});
