import { describe, expect, test } from 'vitest';
import { startApp } from '../../../test/harness.ts';
import { bothTransports } from '../../../test/transports.ts';
import { sql } from '../../db/drizzle.ts';
import { StreamEvent } from '../events/contract.ts';

let now = new Date('2026-03-29T00:59:00Z');
const api = await startApp({ now: () => now });

const DEFAULTS = {
  time_zone: 'UTC',
  day_start: 0,
  lang: null,
  birth_date: null,
  bmr_formula: 'mifflin',
  activity: null,
  nutrition: 'full',
  study_days: [1, 2, 3, 4, 5, 6, 7],
  daily_minutes: null,
  minutes_per_page: 2,
  minutes_per_chapter: 20,
  minutes_per_lesson: 30,
};
const CHANGED = {
  time_zone: 'Europe/Berlin',
  day_start: 3,
  lang: 'en',
  birth_date: '1996-02-29',
  bmr_formula: 'harris',
  activity: 'moderate',
  nutrition: 'no_deficit',
  study_days: [1, 2, 7],
  daily_minutes: 45,
  minutes_per_page: 1.5,
  minutes_per_chapter: 30,
  minutes_per_lesson: 45,
} as const;

describe.each(bothTransports(api))('$name', ({ call }) => {
  test('a profile has its defaults until it is changed', async () => {
    const { token } = await api.register();
    expect((await call('profile.get', {}, token)).data).toEqual({ ...DEFAULTS, today: '2026-03-29' });
  });

  test('what is sent is changed, and null clears what can be null', async () => {
    const { token } = await api.register();
    const changed = await call('profile.update', CHANGED, token);
    expect(changed.data.resource).toEqual({ ...CHANGED, today: '2026-03-28' });
    expect((await call('profile.get', {}, token)).data).toEqual({ ...CHANGED, today: '2026-03-28' });
    const cleared = { lang: null, birth_date: null, activity: null, daily_minutes: null };
    expect((await call('profile.update', cleared, token)).data.resource).toEqual({
      ...CHANGED,
      ...cleared,
      today: '2026-03-28',
    });
  });

  test.each([
    ['time_zone', 'Europe/Atlantis'],
    ['time_zone', '+02:00'],
    ['time_zone', null],
    ['day_start', 13],
    ['day_start', null],
    ['lang', 'de'],
    ['birth_date', '2026-02-29'],
    ['birth_date', '2025-01-01'],
    ['birth_date', '1900-01-01'],
    ['study_days', []],
    ['study_days', [1, 1]],
    ['study_days.0', [8]],
    ['daily_minutes', 4],
    ['minutes_per_page', 0.2],
    ['nutrition', null],
  ])('%s is not %j', async (path, value) => {
    const { token } = await api.register();
    const refused = await call('profile.update', { [path.split('.')[0] as string]: value }, token);
    expect(refused).toMatchObject({ status: 400, errors: [{ path }] });
    expect((await call('profile.get', {}, token)).data).toEqual({ ...DEFAULTS, today: '2026-03-29' });
  });
});

test('the date of a user changes with the clock, the zone and the start of the day', async () => {
  const { token } = await api.register();
  const today = async (change: object) =>
    (await api.rest('PATCH', '/users/me/profile', { token, body: change })).body.resource.today;
  now = new Date('2026-03-29T00:59:00Z');
  expect(await today({ time_zone: 'Europe/Berlin', day_start: 3 })).toBe('2026-03-28');
  now = new Date('2026-03-29T01:00:00Z');
  expect(await today({})).toBe('2026-03-29');
  now = new Date('2026-06-01T10:30:00Z');
  expect(await today({ time_zone: 'Pacific/Kiritimati', day_start: 0 })).toBe('2026-06-02');
  expect(await today({ time_zone: 'Pacific/Pago_Pago' })).toBe('2026-05-31');
  now = new Date('2026-03-29T00:59:00Z');
});

test('a change of the profile is an event, and one that changes nothing is not', async () => {
  const { token } = await api.register();
  await api.rest('PATCH', '/users/me/profile', { token, body: { day_start: 4, study_days: [3] } });
  await api.rest('PATCH', '/users/me/profile', { token, body: { day_start: 4 } });
  const events = (await api.rest('GET', '/users/me/export', { token })).body.events;
  const { birth_date: _, activity: __, nutrition: ___, ...told } = DEFAULTS;
  expect(events).toEqual([
    expect.objectContaining({
      type: 'profile.changed',
      data: { ...told, day_start: 4, study_days: [3] },
    }),
  ]);
  expect(StreamEvent.parse(events[0])).toMatchObject({ data: events[0].data });
});

test('#616 a change of what is health data is an event that does not hold it, nor does any other', async () => {
  const { token, id } = await api.register();
  const health = { birth_date: '1996-02-29', activity: 'moderate', nutrition: 'no_deficit' };
  for (const [key, value] of Object.entries(health))
    await api.rest('PATCH', '/users/me/profile', { token, body: { [key]: value } });
  const plan = { goal: 'x', age: 30, gender: 'male', weight: 70, height: 175 };
  await api.rest('POST', '/physicalPlans', { token, body: plan });
  await api.rest('POST', '/users/me/days/2026-03-29/skip', { token });
  const events = await api.database.db.execute<{ type: string; text: string }>(
    sql`select type, data::text as text from events where user_id = ${id} order by seq`,
  );
  expect(events.map(({ type }) => type)).toEqual([
    'profile.changed',
    'profile.changed',
    'profile.changed',
    'physicalPlan.created',
    'body.changed',
    'day.changed',
  ]);
  for (const { text } of events)
    for (const [key, value] of Object.entries(health)) {
      expect(text).not.toContain(key);
      expect(text).not.toContain(value);
    }
});

test('changes of different keys at the same time are all made', async () => {
  const { token } = await api.register();
  const changes = [{ day_start: 5 }, { lang: 'ru' }, { minutes_per_page: 3 }, { activity: 'light' }];
  await Promise.all(changes.map((body) => api.rest('PATCH', '/users/me/profile', { token, body })));
  const { body } = await api.rest('GET', '/users/me/profile', { token });
  expect(body).toMatchObject(Object.assign({}, ...changes));
});
