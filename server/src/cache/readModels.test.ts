import { afterEach, expect, test, vi } from 'vitest';
import { createReadModelCache } from './readModels.ts';

afterEach(() => void vi.useRealTimers());

/** A user's view in a database, and what was asked of it. */
function stored(size = 100) {
  const row = { revision: '1', view: { name: 'first' } };
  const asked: ('revision' | 'view')[] = [];
  const source = {
    async revision() {
      asked.push('revision');
      return row.revision;
    },
    async read() {
      asked.push('view');
      return { revision: row.revision, view: { ...row.view }, size };
    },
  };
  return { row, asked, source };
}

test('a view comes from memory while its revision is current, and the database is asked for that each time', async () => {
  const views = createReadModelCache();
  const { row, asked, source } = stored();
  const first = await views.revalidate('mentalPlan', 7, source);
  expect(await views.revalidate('mentalPlan', 7, source)).toBe(first);
  row.revision = '2';
  row.view = { name: 'second' };
  expect(await views.revalidate('mentalPlan', 7, source)).toEqual({ name: 'second' });
  expect(asked).toEqual(['view', 'revision', 'revision', 'view']);
});

test('users and kinds have views of their own', async () => {
  const views = createReadModelCache();
  const { asked, source } = stored();
  await views.revalidate('mentalPlan', 7, source);
  await views.revalidate('mentalPlan', 8, source);
  await views.revalidate('physicalPlan', 7, source);
  expect(asked).toEqual(['view', 'view', 'view']);
});

test('an answer that is overtaken by a later one does no harm', async () => {
  const views = createReadModelCache();
  const { row, source } = stored();
  const late = Promise.withResolvers<void>();
  const overtaken = views.revalidate('mentalPlan', 7, {
    ...source,
    read: async () => {
      const found = await source.read();
      await late.promise;
      return found;
    },
  });
  row.revision = '2';
  row.view = { name: 'second' };
  await views.revalidate('mentalPlan', 7, source);
  late.resolve();
  expect(await overtaken, 'as it stood when it was read').toEqual({ name: 'first' });
  expect(await views.revalidate('mentalPlan', 7, source)).toEqual({ name: 'second' });
});

test('where there is no view none is remembered, and of a user who is gone neither', async () => {
  const views = createReadModelCache();
  const { asked, source } = stored();
  const none = { ...source, read: async () => void asked.push('view') };
  for (let n = 0; n < 3; n++) expect(await views.revalidate('mentalPlan', 7, none)).toBe(undefined);
  expect(asked).toEqual(['view', 'view', 'view']);
  await views.revalidate('mentalPlan', 7, source);
  const gone = { revision: async () => undefined, read: async () => undefined };
  expect(await views.revalidate('mentalPlan', 7, gone)).toBe(undefined);
});

test('what was changed without an event shows after five minutes', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  // What was kept at zero would be kept for ever.
  vi.advanceTimersByTime(1);
  const views = createReadModelCache();
  const { row, source } = stored();
  await views.revalidate('mentalPlan', 7, source);
  row.view = { name: 'by hand' };
  vi.advanceTimersByTime(299_000);
  expect(await views.revalidate('mentalPlan', 7, source)).toEqual({ name: 'first' });
  vi.advanceTimersByTime(1_001);
  expect(await views.revalidate('mentalPlan', 7, source)).toEqual({ name: 'by hand' });
});

test('#200 they take so much memory and no more: those that were not read for longest go', async () => {
  const views = createReadModelCache();
  const { asked, source } = stored(2048);
  for (let user = 1; user <= 8193; user++) await views.revalidate('mentalPlan', user, source);
  asked.length = 0;
  for (const user of [8193, 2, 1]) await views.revalidate('mentalPlan', user, source);
  expect(asked).toEqual(['revision', 'revision', 'view']);
});

test('the JSON of an answer is kept while the answer is the view in memory', async () => {
  const views = createReadModelCache();
  const { row, source } = stored();
  const first = await views.revalidate('mentalPlan', 7, source);
  expect(views.jsonOf(first)).toBe(undefined);
  expect(views.keepJson(first, () => '{"name":"first"}')).toBe(true);
  expect(String(views.jsonOf(await views.revalidate('mentalPlan', 7, source)))).toBe('{"name":"first"}');

  row.revision = '2';
  row.view = { name: 'second' };
  const second = await views.revalidate('mentalPlan', 7, source);
  expect(views.jsonOf(second)).toBe(undefined);
  const never = () => expect.fail('written for nothing');
  expect(views.keepJson(first, never), 'overtaken').toBe(false);
  expect(views.keepJson({ name: 'second' }, never), 'equal, and not in memory').toBe(false);
  expect(views.keepJson(undefined, never)).toBe(false);
});

test('JSON that is kept makes no view younger, and counts as memory', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  vi.advanceTimersByTime(1);
  const views = createReadModelCache();
  const { asked, source } = stored();
  const view = await views.revalidate('mentalPlan', 1, source);
  vi.advanceTimersByTime(200_000);
  views.keepJson(view, () => '{}');
  vi.advanceTimersByTime(100_001);
  await views.revalidate('mentalPlan', 1, source);
  expect(asked).toEqual(['view', 'view']);

  for (let user = 1; user <= 1000; user++) {
    const kept = await views.revalidate('mentalPlan', user, source);
    views.keepJson(kept, () => 'x'.repeat(64 * 1024));
  }
  asked.length = 0;
  for (const user of [1000, 1]) await views.revalidate('mentalPlan', user, source);
  expect(asked).toEqual(['revision', 'view']);
});

test('JSON is kept of no large view, and of none where nothing is kept', async () => {
  const never = () => expect.fail('written for nothing');
  const large = stored(64 * 1024 + 1);
  const views = createReadModelCache();
  expect(views.keepJson(await views.revalidate('mentalPlan', 7, large.source), never)).toBe(false);
  const off = createReadModelCache(false);
  expect(off.keepJson(await off.revalidate('mentalPlan', 7, stored().source), never)).toBe(false);
});
