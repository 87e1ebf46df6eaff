// The page at / in a real browser, in two windows of one user and one of another. Pictures are left in test-results/.
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { BrowserContextOptions } from 'playwright-core';
import { expect, test } from 'vitest';
import { startApp, type User } from '../harness.ts';
import { openStream } from '../streams.ts';
import { openWindow, type Page, picture, startBrowser, type Window, withoutStreamEnds } from './chromium.ts';
import { restartable } from './restartable.ts';

const api = await startApp();
const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
const browser = await startBrowser();

const open = async (url: string, options?: BrowserContextOptions): Promise<Window> => {
  const window = await openWindow(browser, url, options);
  await window.page.goto(url);
  return window;
};

async function fillIn(page: Page, { login, password }: Pick<User, 'login' | 'password'>): Promise<void> {
  await page.getByLabel('Login').fill(login);
  await page.getByLabel('Password').fill(password);
}

/** Opens a window in which the user is signed in and everything is shown. */
async function enter(user: User, url = origin, options?: BrowserContextOptions): Promise<Window> {
  const window = await open(url, options);
  await fillIn(window.page, user);
  await window.page.getByRole('button', { name: 'Sign in' }).click();
  await isLive(window.page);
  // A page that is loaded anew would have lost it.
  await window.page.evaluate(() => Object.assign(globalThis, { loadedOnce: true }));
  return window;
}

/** @returns what is read of the user, and each stream with the event that it goes on after, as they are asked for */
function readsOf(page: Page): string[] {
  const reads: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (/outer-tasks|events/.test(pathname))
      reads.push(`${pathname.split('/').at(-1)} ${request.headers()['last-event-id'] ?? ''}`.trim());
  });
  return reads;
}

const isLive = (page: Page) => page.locator('#connection').getByText('Live', { exact: true }).waitFor();
const wasNotReloaded = (page: Page) => page.evaluate(() => 'loadedOnce' in globalThis);
const textsOf = (page: Page, list: 'today' | 'resources' | 'tasks', part: string) =>
  page.locator(`#${list} li [data-part=${part}]`).allTextContents();
const tasksIn = (page: Page) => textsOf(page, 'tasks', 'title');
const done = (page: Page, title: string) => page.getByLabel(title, { exact: true });

const as = ({ token }: User) => ({
  post: async (path: string, body: unknown) => (await api.rest('POST', path, { token, body })).body,
  patch: (path: string, body: unknown) => api.rest('PATCH', path, { token, body }),
  remove: (path: string) => api.rest('DELETE', path, { token }),
});

const PLAN = { goal: 'Run 10 km', age: 30, gender: 'female', weight: 64.5, height: 172 };
const BOOK = { type: 'book', name: 'Deep Work', description: '', volume: 304, unit: 'page' };

/** Gives the user some of everything. */
async function furnish(user: User): Promise<{ plan: number; resource: number }> {
  const { post } = as(user);
  const plan = await post('/physicalPlans', PLAN);
  await post('/mentalPlans', { name: 'Spring', goal: 'Read more', resource_list: [] });
  const { data: resource } = await post('/resources', BOOK);
  for (const title of ['Buy running shoes', 'Find a route along the river', 'Ask for the key of the gym'])
    await post('/outherTasks', { title });
  return { plan: plan.data.id, resource };
}

test('#219 what is changed in one window, or by a plain call, is in the other without loading it anew', async () => {
  const ann = await api.register();
  const [one, two] = [await enter(ann), await enter(ann)];
  await one.page.getByLabel('New task').fill('Buy shoes');
  await one.page.getByRole('button', { name: 'Add' }).click();
  for (const { page } of [one, two]) await done(page, 'Buy shoes').waitFor();
  expect(await one.page.getByLabel('New task').inputValue()).toBe('');
  await expect.poll(() => two.page.locator('#news').textContent()).toBe('Task created: Buy shoes');

  await done(one.page, 'Buy shoes').check();
  await expect.poll(() => done(two.page, 'Buy shoes').isChecked()).toBe(true);
  await done(two.page, 'Buy shoes').uncheck();
  await expect.poll(() => done(one.page, 'Buy shoes').isChecked()).toBe(false);

  const { resource, plan } = await furnish(ann);
  const { workout } = (await api.rest('GET', '/users/me/today', { token: ann.token })).body;
  for (const { page } of [one, two]) {
    await expect
      .poll(() => tasksIn(page))
      .toEqual([
        'Ask for the key of the gym',
        'Find a route along the river',
        'Buy running shoes',
        'Buy shoes',
      ]);
    await expect
      .poll(() => textsOf(page, 'today', 'name'))
      .toEqual(workout.exercises.map(({ name }: { name: string }) => name));
    await expect.poll(() => textsOf(page, 'resources', 'done')).toEqual(['0 of 304 pages']);
    expect(await page.locator('#goal').textContent()).toBe('Goal: Run 10 km');
  }

  const { patch, remove } = as(ann);
  await patch(`/resources/${resource}`, { progress: 76 });
  await patch(`/physicalPlans/${plan}`, { goal: 'Run 21 km' });
  for (const { page } of [one, two]) {
    await expect.poll(() => textsOf(page, 'resources', 'done')).toEqual(['76 of 304 pages']);
    expect(
      await page.getByRole('progressbar', { name: 'Deep Work: 76 of 304 pages' }).getAttribute('value'),
    ).toBe('76');
    await expect.poll(() => page.locator('#goal').textContent()).toBe('Goal: Run 21 km');
  }
  await remove(`/physicalPlans/${plan}`);
  await remove(`/resources/${resource}`);
  for (const { page, complaints } of [one, two]) {
    await page.getByText('No plan yet').waitFor();
    await page.getByText('No resources in a plan yet').waitFor();
    expect(await textsOf(page, 'today', 'name')).toEqual([]);
    expect(await wasNotReloaded(page)).toBe(true);
    expect(complaints).toEqual([]);
  }
});

test('#640 the day is shown with its targets and quotas, completed, and opened again', async () => {
  const ann = await api.register();
  await furnish(ann);
  const [one, two] = [await enter(ann), await enter(ann)];
  const line = async (page: Page, id: string) => (await page.locator(id).textContent()) ?? '';
  const shown = async ({ page }: Window) => [
    (await textsOf(page, 'today', 'reps'))[0],
    await line(page, '#day-state'),
    (await textsOf(page, 'resources', 'quota'))[0],
    (await textsOf(page, 'resources', 'done'))[0],
  ];
  const OPEN = [
    expect.stringMatching(/^1 × 5 repetitions · [\d.]+ kcal$/),
    '',
    'Today: 11 pages, 22 minutes',
    '0 of 304 pages',
  ];
  const { date } = (await api.rest('GET', '/users/me/today', { token: ann.token })).body;
  const long = { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' } as const;
  for (const window of [one, two]) {
    await expect.poll(() => shown(window)).toEqual(OPEN);
    expect(await line(window.page, '#weekday')).toBe(new Date(date).toLocaleDateString('en', long));
    expect(await line(window.page, '#energy')).toMatch(/^\d+ kcal: .* Not medical advice\.$/);
  }
  await one.page.getByRole('button', { name: 'I did all of this' }).click();
  for (const window of [one, two])
    await expect
      .poll(() => shown(window))
      .toEqual([OPEN[0], 'Done. 1 day in a row.', expect.stringContaining('Today: '), '11 of 304 pages']);
  expect((await api.rest('GET', `/users/me/days/${date}`, { token: ann.token })).body).toMatchObject({
    state: 'done',
    workout: { exercises: Array(8).fill(expect.objectContaining({ met: true })) },
  });
  await two.page.getByRole('button', { name: 'Open again' }).click();
  for (const window of [one, two]) {
    await expect.poll(() => shown(window)).toEqual(OPEN);
    expect(window.complaints).toEqual([]);
    expect(await wasNotReloaded(window.page)).toBe(true);
  }
});

test('#220 of another user nothing is shown', async () => {
  const [ann, bob] = [await api.register(), await api.register()];
  const [his, hers] = [await enter(bob), await enter(ann)];
  await furnish(ann);
  await expect.poll(() => tasksIn(hers.page)).toHaveLength(3);
  await as(bob).post('/outherTasks', { title: 'Sleep' });
  await expect.poll(() => tasksIn(his.page)).toEqual(['Sleep']);
  expect(await tasksIn(hers.page)).not.toContain('Sleep');
  for (const list of ['today', 'resources'] as const)
    expect(await textsOf(his.page, list, 'name')).toEqual([]);
  expect([...his.complaints, ...hers.complaints]).toEqual([]);
});

test('#221 text of users is text, whatever it looks like', async () => {
  const ann = await api.register(`<b>ann</b>${randomUUID()}`);
  const { page, complaints } = await enter(ann);
  const evil = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
  const { post } = as(ann);
  await page.getByLabel('New task').fill(evil);
  await page.keyboard.press('Enter');
  await post('/physicalPlans', { ...PLAN, goal: evil });
  await post('/mentalPlans', { name: evil, goal: evil, resource_list: [] });
  await post('/resources', { ...BOOK, name: evil, description: evil });
  await expect.poll(() => tasksIn(page)).toEqual([evil]);
  await expect.poll(() => textsOf(page, 'resources', 'name')).toEqual([evil]);
  expect(await page.locator('#goal').textContent()).toBe(`Goal: ${evil}`);
  expect(await page.locator('#login').textContent()).toBe(ann.login);
  expect(await page.locator('img, body script, #login b').count()).toBe(0);
  expect(await page.title()).toBe('Stepwise');
  // Nor could a script of the page make HTML of it by mistake.
  const attempt = await page.evaluate((text) => {
    try {
      document.body.innerHTML = text;
      return 'done';
    } catch (error) {
      return String(error);
    }
  }, evil);
  expect(attempt).toMatch(/TrustedHTML/);
  expect(complaints.filter((complaint) => !complaint.includes('TrustedHTML'))).toEqual([]);
});

test.each([
  ['what was missed is told', ['events 7'], async (_user: User) => {}],
  [
    'what cannot be told any more is read',
    ['events 7', 'outer-tasks'],
    async ({ id }: User) =>
      void (await api.database.db.execute(sql`delete from events where user_id = ${id}`)),
  ],
])('#219 when the server comes back the page does too: %s', async (_, expected, before) => {
  const ann = await api.register();
  await furnish(ann);
  const server = await restartable(api);
  const { page, complaints } = await enter(ann, server.url);
  expect(complaints).toEqual([]);
  await server.stop();
  await page.getByText(/^Reconnecting/).waitFor();
  // While nobody is there a press on a button is answered by the page, and what was written stays.
  await page.getByLabel('New task').fill('Later');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByRole('alert').getByText('The server cannot be reached').waitFor();
  await done(page, 'Buy running shoes').click();
  await expect.poll(() => done(page, 'Buy running shoes').isChecked()).toBe(false);

  const { post, remove, patch } = as(ann);
  const { body: tasks } = await api.rest('GET', '/outherTasks', { token: ann.token });
  await remove(`/outherTasks/${tasks[0].id}`);
  await patch(`/outherTasks/${tasks[1].id}`, { status: true });
  await post('/outherTasks', { title: 'Missed' });
  await post('/mentalPlans', { name: 'Summer', goal: 'Rest', resource_list: [] });
  await before(ann);
  const reads = readsOf(page);
  await server.start();
  await isLive(page);
  await expect
    .poll(() => tasksIn(page))
    .toEqual(['Missed', 'Find a route along the river', 'Buy running shoes']);
  expect(await done(page, 'Find a route along the river').isChecked()).toBe(true);
  await page.getByText('Summer: Rest.').waitFor();
  expect(reads.slice(reads.findLastIndex((read) => read.startsWith('events')))).toEqual(expected);
  expect(await textsOf(page, 'resources', 'name')).toEqual([]);

  await page.getByRole('button', { name: 'Add' }).click();
  await expect.poll(() => tasksIn(page)).toContain('Later');
  expect(await page.locator('#tasks [role=alert]').textContent()).toBe('');
  expect(await wasNotReloaded(page)).toBe(true);
  expect(withoutStreamEnds(complaints)).toEqual([]);
});

test('#224 while nobody looks it gives its stream back, and takes up what it missed when somebody does', async () => {
  const ann = await api.register();
  const { page, complaints } = await enter(ann);
  const look = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  const reads = readsOf(page);
  const left = page.waitForEvent('requestfailed');
  await look(true);
  expect((await left).url()).toBe(`${origin}/events`);
  await page.getByText('Paused').waitFor();
  await as(ann).post('/outherTasks', { title: 'Missed' });
  await look(false);
  await done(page, 'Missed').waitFor();
  await isLive(page);
  expect(reads).toEqual(['events 0']);
  expect(withoutStreamEnds(complaints)).toEqual([]);
});

test('#224 one stream too many is refused: the page says so, and tries again', async () => {
  const ann = await api.register();
  const readers = await Promise.all(Array.from({ length: 10 }, () => openStream(origin, '/events', ann)));
  const { page } = await open(origin);
  await fillIn(page, ann);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(/^Reconnecting … \(.*streams/).waitFor();
  for (const reader of readers) reader.leave();
  await isLive(page);
});

test('#226 whoever signs out while the server is away is told so', async () => {
  const ann = await api.register();
  const server = await restartable(api);
  const { page } = await enter(ann, server.url);
  await server.stop();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('Signed out here. The server could not be told').waitFor();
  expect(await page.getByLabel('Password').isVisible()).toBe(true);
});

test('#225 an access token that is too old is exchanged, and nothing is missed', async () => {
  const ann = await api.register();
  const server = await startApp({ database: api.database, tokenLifetimeSeconds: 1 });
  const url = await server.app.listen({ port: 0, host: '127.0.0.1' });
  const { page, complaints } = await open(url);
  const streams: string[] = [];
  page.on(
    'request',
    (request) => request.url().endsWith('/events') && streams.push(request.headers().authorization ?? ''),
  );
  await fillIn(page, ann);
  const refreshed = page.waitForResponse(`${url}/users/refresh`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await isLive(page);
  // The stream ends with the token, some seconds later: those that two clocks may differ.
  await refreshed;
  await as(ann).post('/outherTasks', { title: 'After the exchange' });
  await done(page, 'After the exchange').waitFor();
  await isLive(page);
  expect(streams).toHaveLength(2);
  expect(streams[0]).not.toBe(streams[1]);
  expect(withoutStreamEnds(complaints)).toEqual([]);
});

test('#225 so is one that the server does not take', async () => {
  const ann = await api.register();
  const { page } = await open(origin);
  let refusals = 0;
  await page.route('**/events', (route) => {
    const headers = {
      ...route.request().headers(),
      ...(refusals++ === 0 && { authorization: 'Bearer none.of.ours' }),
    };
    return route.continue({ headers });
  });
  await fillIn(page, ann);
  const refreshed = page.waitForResponse(`${origin}/users/refresh`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  expect((await refreshed).status()).toBe(200);
  await isLive(page);
  expect(refusals).toBe(2);
});

test('#226 signing out ends the session and leaves nothing of it on the page', async () => {
  const ann = await api.register();
  await furnish(ann);
  const { page, complaints } = await open(origin);
  await fillIn(page, ann);
  const answer = page.waitForResponse(`${origin}/users/signIn`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const { access_token: token } = await (await answer).json();
  await done(page, 'Buy running shoes').waitFor();
  expect((await api.rest('GET', '/users/me', { token })).status).toBe(200);
  expect(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])).toEqual([
    0,
    0,
    '',
  ]);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('Signed out.').waitFor();
  await expect.poll(async () => (await api.rest('GET', '/users/me', { token })).status).toBe(401);
  expect(await page.getByRole('region', { name: /Signed in/ }).count()).toBe(0);
  for (const secret of [ann.login, 'Buy running shoes', 'Deep Work', 'Run 10 km'])
    expect(await page.content()).not.toContain(secret);
  await as(ann).post('/outherTasks', { title: 'Unseen' });

  // And somebody else may come.
  const bob = await api.register();
  await as(bob).post('/outherTasks', { title: 'Sleep' });
  await fillIn(page, bob);
  await page.keyboard.press('Enter');
  await expect.poll(() => tasksIn(page)).toEqual(['Sleep']);
  expect(withoutStreamEnds(complaints)).toEqual([]);
});

test('#226 a session that is ended elsewhere ends the page’s too, and so does closing the page', async () => {
  const ann = await api.register();
  const [one, two] = [await enter(ann), await enter(ann)];
  const sessions = async () =>
    (await api.rest('GET', '/users/me/sessions', { token: ann.token })).body.length;
  expect(await sessions()).toBe(3);
  await two.page.goto('about:blank');
  await expect.poll(sessions).toBe(2);
  const mine = (await api.rest('GET', '/users/me/sessions', { token: ann.token })).body.find(
    ({ current }: { current: boolean }) => !current,
  );
  await as(ann).remove(`/users/me/sessions/${mine.id}`);
  await one.page.getByText('Your session has ended. Sign in again.').waitFor();
  expect(await one.page.getByLabel('Password').isVisible()).toBe(true);
});

test('#227 what the server refuses is said beside the form', async () => {
  const ann = await api.register();
  const { page } = await open(origin);
  const alert = page.locator('#entry [role=alert]');
  await fillIn(page, { login: ann.login, password: 'not the password' });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect.poll(() => alert.textContent()).toBe('Wrong credential passed');

  const isInvalid = (name: string) => page.getByLabel(name).getAttribute('aria-invalid');
  await fillIn(page, { login: 'a b', password: 'short' });
  await page.getByRole('button', { name: 'Register' }).click();
  await expect.poll(() => alert.textContent()).toMatch(/\. login: must not hold white space/);
  expect([await isInvalid('Login'), await isInvalid('Password')]).toEqual(['true', 'false']);
  await fillIn(page, { login: 'a-b', password: 'short' });
  await page.getByRole('button', { name: 'Register' }).click();
  await expect.poll(() => alert.textContent()).toMatch(/\. password: /);
  expect([await isInvalid('Login'), await isInvalid('Password')]).toEqual(['false', 'true']);

  const login = `new-${randomUUID()}`;
  await fillIn(page, { login, password: 'correct horse battery' });
  await page.getByRole('button', { name: 'Register' }).click();
  await isLive(page);
  expect(await page.locator('#login').textContent()).toBe(login);
  expect(await alert.textContent()).toBe('');

  await page.getByLabel('New task').fill('   ');
  await page.getByRole('button', { name: 'Add' }).click();
  await page
    .locator('#tasks [role=alert]')
    .getByText(/title: /)
    .waitFor();
  expect(await isInvalid('New task')).toBe('true');
});

test('#228 it is used with the keyboard alone, has a name for everything, and shows where one is', async () => {
  const ann = await api.register();
  await furnish(ann);
  const { page } = await open(origin);
  const press = async (key: string, times = 1) => {
    for (let n = 0; n < times; n++) await page.keyboard.press(key);
  };
  const focused = () =>
    page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement as Element);
      return {
        name: document.activeElement?.textContent?.trim() ?? '',
        outline: `${outlineStyle} ${outlineWidth}`,
      };
    });
  await press('Tab');
  expect(await focused()).toEqual({ name: 'Swagger UI', outline: 'solid 3px' });
  await press('Tab', 4);
  await page.keyboard.type(ann.login);
  await press('Tab');
  await page.keyboard.type(ann.password);
  await press('Enter');
  await isLive(page);
  expect((await focused()).name).toBe(`Signed in as ${ann.login}`);
  await press('Tab');
  expect(await focused()).toEqual({ name: 'Sign out', outline: 'solid 3px' });
  await page.getByRole('button', { name: 'I did all of this' }).waitFor();
  await press('Tab');
  expect(await focused()).toEqual({ name: 'I did all of this', outline: 'solid 3px' });
  await press('Tab');
  await page.keyboard.type('Stretch');
  await press('Enter');
  await done(page, 'Stretch').waitFor();
  await press('Tab', 2);
  await press('Space');
  await expect
    .poll(async () => (await api.rest('GET', '/outherTasks?limit=1', { token: ann.token })).body[0].status)
    .toBe(true);
  // The rows around it change, and one stays where one was.
  await as(ann).post('/outherTasks', { title: 'Another' });
  await done(page, 'Another').waitFor();
  expect(await page.evaluate(() => document.activeElement?.closest('li')?.textContent?.trim())).toBe(
    'Stretch',
  );

  const outline = await page.locator('body').ariaSnapshot();
  for (const landmark of [
    'banner:',
    'navigation "Documents":',
    'main:',
    'region /Signed in/',
    'region /Today/',
    'region "Resources":',
    'region "Tasks":',
  ])
    expect(outline.replaceAll(/region "((Signed in|Today).*)":/g, 'region /$2/')).toContain(`- ${landmark}`);
  expect(outline).toContain(`- 'progressbar "Deep Work: 0 of 304 pages"'`);
  expect(outline).not.toMatch(/- (link|button|textbox|checkbox|progressbar|region|navigation)(?! ")/);
});

/** Of what can be read: the least contrast of text with the ground behind it, as WCAG 2 counts it, and what has it. */
const leastContrast = (page: Page) =>
  page.evaluate(() => {
    const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string) => {
      const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const groundOf = (element: Element | null): string => {
      if (!element) return 'rgb(255, 255, 255)';
      const { backgroundColor } = getComputedStyle(element);
      return channels(backgroundColor)[3] === 0 ? groundOf(element.parentElement) : backgroundColor;
    };
    let least = { contrast: 21, text: '' };
    for (const element of document.querySelectorAll('body *')) {
      const text = [...element.childNodes]
        .filter(({ nodeType }) => nodeType === 3)
        .map(({ textContent }) => textContent?.trim())
        .join('');
      if (text === '' || !element.checkVisibility()) continue;
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < least.contrast) least = { contrast, text };
    }
    return least;
  });

test.each([
  { name: 'desktop', width: 1280, height: 1000, colorScheme: 'light' },
  { name: 'desktop-dark', width: 1280, height: 1000, colorScheme: 'dark' },
  { name: 'phone', width: 360, height: 740, colorScheme: 'light' },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark' },
] as const)('it is readable: $name', async ({ name, width, height, colorScheme }) => {
  const ann = await api.register(`ann-${name}`);
  const { resource } = await furnish(ann);
  const { post, patch } = as(ann);
  await patch(`/resources/${resource}`, { progress: 76 });
  await patch(`/outherTasks/${(await post('/outherTasks', { title: 'w'.repeat(200) })).id}`, {
    status: true,
  });
  const options = { viewport: { width, height }, colorScheme, hasTouch: width < 500 };
  const entry = await open(origin, options);
  await fillIn(entry.page, { login: ann.login, password: 'wrong password' });
  await entry.page.keyboard.press('Enter');
  await entry.page.getByRole('alert').getByText('Wrong').waitFor();
  await entry.page.screenshot({ path: picture(`page-entry-${name}`) });
  const { page } = await enter(ann, origin, options);
  await page.screenshot({ path: picture(`page-${name}`), fullPage: true });
  // In one line, and large enough for a thumb.
  const button = await page.getByRole('button', { name: 'Add' }).boundingBox();
  expect([button?.height, (button?.width ?? 0) >= 44]).toEqual([44, true]);
  for (const shown of [entry.page, page]) {
    const { contrast, text } = await leastContrast(shown);
    expect(contrast, text).toBeGreaterThanOrEqual(4.5);
    expect(await shown.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
});
