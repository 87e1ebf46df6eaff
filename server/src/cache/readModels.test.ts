import { afterEach, expect, test, vi } from 'vitest';
import { createReadModelCache } from './readModels.ts';

afterEach(() => void vi.useRealTimers());

/** A user's view in a database: `read` is what the statement answers. */
function stored(size = 100) {
  const row = { revision: '1', view: { name: 'first' } };
  const told: (string | undefined)[] = [];
  return {
    row,
    told,
    async read(knownRevision: string | undefined) {
      told.push(knownRevision);
      return {
        revision: row.revision,
        view: knownRevision === row.revision ? undefined : { ...row.view },
        size,
      };
    },
  };
}

test('a view comes from memory while its revision is current, and the database is asked for that each time', async () => {
  const views = createReadModelCache();
  const { row, told, read } = stored();
  const first = await views.revalidate('mentalPlan', 7, read);
  expect(await views.revalidate('mentalPlan', 7, read)).toBe(first);
  row.revision = '2';
  row.view = { name: 'second' };
  expect(await views.revalidate('mentalPlan', 7, read)).toEqual({ name: 'second' });
  expect(told).toEqual([undefined, '1', '1']);
});

test('users and kinds have views of their own', async () => {
  const views = createReadModelCache();
  const { told, read } = stored();
  await views.revalidate('mentalPlan', 7, read);
  await views.revalidate('mentalPlan', 8, read);
  await views.revalidate('physicalPlan', 7, read);
  expect(told).toEqual([undefined, undefined, undefined]);
});

test('an answer that is overtaken by a later one does no harm', async () => {
  const views = createReadModelCache();
  const { row, read } = stored();
  const late = Promise.withResolvers<void>();
  const overtaken = views.revalidate('mentalPlan', 7, async (knownRevision) => {
    const found = await read(knownRevision);
    await late.promise;
    return found;
  });
  row.revision = '2';
  row.view = { name: 'second' };
  await views.revalidate('mentalPlan', 7, read);
  late.resolve();
  expect(await overtaken, 'as it stood when it was read').toEqual({ name: 'first' });
  expect(await views.revalidate('mentalPlan', 7, read)).toEqual({ name: 'second' });
});

test('no view, and no user, are not remembered', async () => {
  const views = createReadModelCache();
  const told: (string | undefined)[] = [];
  const none = async (knownRevision: string | undefined) => {
    told.push(knownRevision);
    return told.length > 2 ? undefined : { revision: '1', view: undefined, size: 0 };
  };
  for (let n = 0; n < 3; n++) expect(await views.revalidate('mentalPlan', 7, none)).toBe(undefined);
  expect(told).toEqual([undefined, undefined, undefined]);
});

test('what was changed without an event shows after five minutes', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  // What was kept at zero would be kept for ever.
  vi.advanceTimersByTime(1);
  const views = createReadModelCache();
  const { row, read } = stored();
  await views.revalidate('mentalPlan', 7, read);
  row.view = { name: 'by hand' };
  vi.advanceTimersByTime(299_000);
  expect(await views.revalidate('mentalPlan', 7, read)).toEqual({ name: 'first' });
  vi.advanceTimersByTime(1_001);
  expect(await views.revalidate('mentalPlan', 7, read)).toEqual({ name: 'by hand' });
});

test('#200 they take so much memory and no more: those that were not read for longest go', async () => {
  const views = createReadModelCache();
  const { told, read } = stored(1024);
  for (let user = 1; user <= 8193; user++) await views.revalidate('mentalPlan', user, read);
  told.length = 0;
  for (const user of [8193, 2, 1]) await views.revalidate('mentalPlan', user, read);
  expect(told).toEqual(['1', '1', undefined]);
});
