// What is in a calendar file, as a program reads it that is not ours.

import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import ICAL from 'ical.js';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type User } from '../../../../test/harness.ts';
import { bothTransports } from '../../../../test/transports.ts';
import { addDays } from '../../../domain/index.ts';
import { writeCalendar } from './iCalendar.ts';

let now = new Date();
beforeEach(() => {
  now = new Date('2026-03-02T12:00:00Z');
});
const api = await startApp({ now: () => now });
const [rest] = bothTransports(api);
const { db } = api.database;

const MONDAY = '2026-03-02';
const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 80, height: 180 };

interface Entry {
  readonly uid: string;
  readonly date: string;
  readonly end: string;
  readonly summary: string;
  readonly description: string | null;
}

/** Reads a file. @throws what the parser finds wrong */
function parsed(text: string): { calendar: ICAL.Component; entries: Entry[] } {
  const calendar = new ICAL.Component(ICAL.parse(text));
  const entries = calendar.getAllSubcomponents('vevent').map((component) => {
    const { uid, startDate, endDate, summary, description } = new ICAL.Event(component);
    expect([startDate.isDate, endDate.isDate]).toEqual([true, true]);
    return { uid, date: startDate.toString(), end: endDate.toString(), summary, description };
  });
  return { calendar, entries };
}

class Person {
  readonly user: User;
  readonly path: string;

  constructor(user: User, path: string) {
    this.user = user;
    this.path = path;
  }

  async make(procedure: string, input: object) {
    const answer = await rest.call(procedure, input, this.user.token);
    expect(answer.status, `${procedure} ${answer.detail}`).toBeLessThan(300);
    return answer.data;
  }

  async text(): Promise<string> {
    const { status, text } = await api.rest('GET', this.path);
    expect(status).toBe(200);
    return text;
  }

  async entries(): Promise<Entry[]> {
    return parsed(await this.text()).entries;
  }

  /** Adds a task by SQL, as due. */
  async due(title: string, due_on: string): Promise<number> {
    const { id } = await this.make('task.create', { title });
    await db.execute(sql`update outer_tasks set due_on = ${due_on} where id = ${id}`);
    return id;
  }
}

async function newPerson(profile: object = { lang: 'en' }, name = 'Phone'): Promise<Person> {
  const user = await api.register();
  await rest.call('profile.update', profile, user.token);
  const { path } = (await rest.call('calendar.create', { name }, user.token)).data;
  return new Person(user, path);
}

describe('#675 dates are those of the user', () => {
  // Each instant is of one date in UTC and of another one there, and the clocks change within the next 60 days.
  test.each([
    ['Europe/Berlin', '2026-10-24T22:30:00Z', '2026-10-25', '2026-12-23'],
    ['America/New_York', '2026-03-08T03:30:00Z', '2026-03-07', '2026-05-05'],
    ['Pacific/Chatham', '2026-09-25T11:30:00Z', '2026-09-26', '2026-11-24'],
    ['Pacific/Chatham', '2026-04-03T11:00:00Z', '2026-04-04', '2026-06-02'],
  ])('in %s at %s it is %s, and 60 dates follow each other', async (time_zone, instant, first, last) => {
    now = new Date(instant);
    const ann = await newPerson({ lang: 'en', time_zone });
    await ann.make('physicalPlan.create', PLAN);
    await ann.due('First', first);
    await ann.due('Last', last);
    await ann.due('Too early', addDays(first, -1));
    await ann.due('Too late', addDays(last, 1));
    const entries = await ann.entries();
    const workouts = entries.filter(({ summary }) => summary === 'Workout');
    expect(workouts.map(({ date }) => date)).toEqual(
      Array.from({ length: 60 }, (_, day) => addDays(first, day)),
    );
    expect(workouts.at(-1)?.date).toBe(last);
    for (const { date, end } of entries) expect(end).toBe(addDays(date, 1));
    expect(
      entries.filter(({ summary }) => summary !== 'Workout').map(({ date, summary }) => [date, summary]),
    ).toEqual([
      [first, 'First'],
      [last, 'Last'],
    ]);
  });

  test('training days are those that are due, and a day begins at the hour of the profile', async () => {
    const ann = await newPerson({ lang: 'en', time_zone: 'Europe/Berlin', day_start: 4 });
    await ann.make('physicalPlan.create', { ...PLAN, training_days: [1, 4] });
    now = new Date('2026-03-10T02:59:00Z');
    const dates = async () => (await ann.entries()).map(({ date }) => date).slice(0, 3);
    expect(await dates()).toEqual(['2026-03-09', '2026-03-12', '2026-03-16']);
    now = new Date('2026-03-10T03:00:00Z');
    expect(await dates()).toEqual(['2026-03-12', '2026-03-16', '2026-03-19']);
  });
});

test('#676 the next workout has its targets, later ones their exercises, in the order of the plan', async () => {
  const ann = await newPerson();
  await ann.make('physicalPlan.create', PLAN);
  const { workout } = await ann.make('day.today', {});
  const [first, second] = await ann.entries();
  const name = workout.exercises[0].name;
  expect(first).toMatchObject({ date: MONDAY, summary: 'Workout' });
  expect(first?.description?.split('\n')).toEqual(
    workout.exercises.map(
      (one: { name: string; unit: string; sets: number; target: number }) =>
        `${one.name}: ${one.sets} × ${one.target}${one.unit === 'seconds' ? ' s' : ''}`,
    ),
  );
  expect(second?.description?.split('\n')[0]).toBe(name);

  // In a plan by weekday, and of a level, a date has the slot of its weekday, or nothing.
  await ann.make('physicalPlan.create', {
    ...PLAN,
    level: 1,
    training_days: [1, 3, 5],
    schedule: 'weekday',
  });
  const made = await ann.make('physicalPlan.byUser', { id: ann.user.id });
  const entries = await ann.entries();
  expect(entries.slice(0, 4).map(({ date }) => date)).toEqual([
    '2026-03-02',
    '2026-03-04',
    '2026-03-06',
    '2026-03-09',
  ]);
  for (const { date, description } of entries.slice(1, 8)) {
    const weekday = ((new Date(date).getUTCDay() + 6) % 7) + 1;
    expect(description?.split('\n')).toEqual(
      made.days
        .find(({ day_of_week }: { day_of_week: number }) => day_of_week === weekday)
        .exercises.map(({ name }: { name: string }) => name),
    );
  }
});

test('#676 what is done, skipped, corrected or removed is seen at the next read, under the same UIDs', async () => {
  const ann = await newPerson();
  const { id: plan_id } = (await ann.make('physicalPlan.create', PLAN)).data;
  const task = await ann.due('Buy shoes', '2026-03-05');
  const before = await ann.entries();
  expect(new Set(before.map(({ uid }) => uid)).size).toBe(before.length);
  const uidOf = (entries: Entry[], date: string, summary: string) =>
    entries.find((one) => one.date === date && one.summary === summary)?.uid;
  const planned = uidOf(before, MONDAY, 'Workout');
  const due = uidOf(before, '2026-03-05', 'Buy shoes');
  expect([planned, due]).toEqual([expect.any(String), expect.any(String)]);

  const { workout } = await ann.make('day.today', {});
  await ann.make('day.complete', {
    date: MONDAY,
    workout: {
      plan_id,
      exercises: workout.exercises.map(
        ({ exercise_id, target }: { exercise_id: number; target: number }, at: number) => ({
          exercise_id,
          target,
          done: [at === 0 ? 1 : target],
        }),
      ),
    },
    tasks: [task],
  });
  await ann.make('day.skip', { date: '2026-03-03' });
  now = new Date('2026-03-03T12:00:00Z');
  const after = await ann.entries();
  expect(after.slice(0, 2)).toMatchObject([
    { uid: planned, date: MONDAY, summary: 'Done: workout', description: 'Targets met: 7/8\nTasks: 1' },
    // The first one is not met, so it is asked for again; the others grow.
    { date: '2026-03-04', summary: 'Workout', description: expect.stringMatching(/^[^:]+: 1 × 5\n/) },
  ]);
  expect(after.map(({ uid }) => uid)).not.toContain(due);
  expect(after.map(({ date }) => date)).not.toContain('2026-03-03');
  // The day itself, and 59 of the next 60: one is skipped.
  expect(after).toHaveLength(60);

  await ann.make('day.reopen', { date: MONDAY });
  const reopened = await ann.entries();
  expect(uidOf(reopened, '2026-03-05', 'Buy shoes')).toBe(due);
  expect(reopened.map(({ date }) => date)).not.toContain(MONDAY);
  await ann.make('physicalPlan.remove', { id: plan_id });
  expect(await ann.entries()).toMatchObject([{ uid: due, summary: 'Buy shoes' }]);
  await ann.make('task.remove', { id: task });
  expect(await ann.entries()).toEqual([]);
});

test('#676 of the past the last 90 days are shown, of two files of one user no UID is the same', async () => {
  const ann = await newPerson();
  await db.execute(sql`
    insert into days (user_id, date, state, pages, minutes)
    select ${ann.user.id}, ${MONDAY}::date - n, case n % 3 when 0 then 'done' when 1 then 'reported' else 'open' end, 2.5, 0
    from generate_series(0, 100) n`);
  const entries = await ann.entries();
  expect(entries[0]?.date).toBe(addDays(MONDAY, -88));
  expect(entries.at(-1)).toMatchObject({ date: MONDAY, summary: 'Done', description: 'Pages: 2.5' });
  expect(entries).toHaveLength(60);
  const second = new Person(ann.user, (await ann.make('calendar.create', {})).path);
  const uids = new Set(entries.map(({ uid }) => uid));
  expect((await second.entries()).filter(({ uid }) => uids.has(uid))).toEqual([]);
});

test('#677 words and exercises are in the language of the profile, without one in Russian', async () => {
  const ann = await newPerson({});
  await ann.make('physicalPlan.create', PLAN);
  expect((await ann.entries())[0]).toMatchObject({
    summary: 'Тренировка',
    description: expect.stringMatching(/^Отжимания: 1 × 5\n/),
  });
  await ann.make('profile.update', { lang: 'en' });
  expect((await ann.entries())[0]).toMatchObject({
    summary: 'Workout',
    description: expect.stringMatching(/^Push-ups?: 1 × 5\n/i),
  });
});

describe('#678 the text', () => {
  /** Titles, and what is read of each. */
  const HOSTILE = [
    ['x\r\nEND:VEVENT\r\nBEGIN:VEVENT', 'x\nEND:VEVENT\nBEGIN:VEVENT'],
    ['x\nDTSTART:20200101'],
    ['x\rATTACH:https://evil.example/', 'x\nATTACH:https://evil.example/'],
    ['a\u2028b\u2029c\u0085d', 'a\nb\nc\nd'],
    ['a\u000bb\u000cc\u0001d\u001be\u007ff\u009fg', 'abcdefg'],
    ['commas, semicolons; back\\slashes \\n and "quotes": all'],
    ['\tTab'],
    ['\\'],
    ['ш'.repeat(500)],
    ['🏃🏽‍♀️'.repeat(60)],
    ['x'.repeat(500)],
  ] as const;

  test('has no line that a title put there, and whatever may be said is read as it was', async () => {
    const ann = await newPerson({ lang: 'en' }, 'A name; with\nBEGIN:VEVENT, and \\');
    for (const [title] of HOSTILE) await ann.due(title, '2026-03-05');
    const text = await ann.text();
    const { calendar, entries } = parsed(text);
    expect(entries.map(({ summary }) => summary)).toEqual(HOSTILE.map(([title, read = title]) => read));
    // The parser knows neither of these two, and leaves them as they stand there.
    const name = 'A name\\; with\\nBEGIN:VEVENT\\, and \\\\';
    expect(calendar.getFirstPropertyValue('name')).toBe(name);
    expect(calendar.getFirstPropertyValue('x-wr-calname')).toBe(name);
    expect(String(calendar.getFirstPropertyValue('refresh-interval'))).toBe('PT1H');
    // Whatever ends a line for some program.
    expect(text).not.toMatch(/(?![\r\n\t])\p{Cc}/u);
    const lines = text.split(/\r\n|[\n\r\u2028\u2029]/);
    const names = lines.filter((line) => !line.startsWith(' ')).map((line) => line.split(/[:;]/, 1)[0]);
    expect(new Set(names)).toEqual(
      new Set([
        ...['BEGIN', 'VERSION', 'PRODID', 'CALSCALE', 'NAME', 'X-WR-CALNAME', 'REFRESH-INTERVAL'],
        ...['X-PUBLISHED-TTL', 'UID', 'DTSTAMP', 'DTSTART', 'DTEND', 'SUMMARY', 'TRANSP', 'END', ''],
      ]),
    );
    expect(names.filter((name) => name === 'BEGIN')).toHaveLength(1 + HOSTILE.length);
  });

  test('has lines of 75 octets at most that end with CRLF, and no character is broken', async () => {
    const ann = await newPerson();
    for (const [title] of HOSTILE) await ann.due(title, '2026-03-05');
    const text = await ann.text();
    expect(text.endsWith('END:VCALENDAR\r\n')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    const lines = text.slice(0, -2).split('\r\n');
    const lengths = lines.map((line) => Buffer.byteLength(line));
    expect(Math.max(...lengths)).toBe(75);
    expect(lines.filter((line) => !line.isWellFormed())).toEqual([]);
  });

  test('of any words is read as they are, but for what ends a line and for control characters', () => {
    const words = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 200 })
      .filter((text) => text.isWellFormed());
    const shown = (text: string) =>
      text
        .replaceAll(/\r\n|[\r\u0085\u2028\u2029]/g, '\n')
        .split('')
        .filter((unit) => unit === '\n' || unit === '\t' || !/\p{Cc}/u.test(unit))
        .join('');
    fc.assert(
      fc.property(words, words, words, (name, summary, description) => {
        const entry = { uid: 'x', date: '2026-03-05' };
        const text = writeCalendar({ name, changed_at: now, entries: [{ ...entry, summary, description }] });
        const { entries } = parsed(text);
        expect(entries).toMatchObject([
          { ...entry, summary: shown(summary), description: shown(description) },
        ]);
        for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
      }),
      { seed: 5545, numRuns: 500 },
    );
  });

  test('begins as RFC 5545 and RFC 7986 have it, also without an entry', () => {
    const file = { name: 'Stepwise', changed_at: new Date('2026-03-02T12:00:00.999Z') };
    expect(
      writeCalendar({
        ...file,
        entries: [{ uid: 'day-1@stepwise', date: '2027-12-31', summary: 'Workout', description: '' }],
      }).split('\r\n'),
    ).toEqual([
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Stepwise//Stepwise//EN',
      'CALSCALE:GREGORIAN',
      'NAME:Stepwise',
      'X-WR-CALNAME:Stepwise',
      'REFRESH-INTERVAL;VALUE=DURATION:PT1H',
      'X-PUBLISHED-TTL:PT1H',
      'BEGIN:VEVENT',
      'UID:day-1@stepwise',
      'DTSTAMP:20260302T120000Z',
      'DTSTART;VALUE=DATE:20271231',
      'DTEND;VALUE=DATE:20280101',
      'SUMMARY:Workout',
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ]);
    expect(parsed(writeCalendar({ ...file, entries: [] })).entries).toEqual([]);
  });
});
