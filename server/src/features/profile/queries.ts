// Every statement is scoped to its owner.
import type { SQL } from 'drizzle-orm';
import { writeSchedule } from '../../dayRecord/schedule.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import type { RowOf } from '../../db/rows.ts';
import { profiles, users } from '../../db/schema/index.ts';
import { pickColumns } from '../../db/sql/columns.ts';
import { appendEvents } from '../../db/sql/eventLog.ts';
import { NOW, weekdaysOfMask } from '../../db/sql/localDate.ts';
import { firstRow, read, write } from '../../db/statement.ts';
import { inUserTransaction } from '../../db/userTransaction.ts';
import { maskOf, weekdaysOf } from '../../domain/index.ts';
import { HEALTH_KEYS, type Profile, type ProfileChange } from './contract.ts';

/** A profile as it is stored: weekdays are a mask. */
const PROFILE_ROW = {
  ...pickColumns(profiles, [
    'time_zone',
    'lang',
    'bmr_formula',
    'activity',
    'nutrition',
    'daily_minutes',
    'minutes_per_page',
    'minutes_per_chapter',
    'minutes_per_lesson',
  ]),
  day_start: 'int',
  birth_date: 'text?',
  study_days: 'int',
  today: 'text',
} as const;
type ProfileRow = RowOf<typeof PROFILE_ROW>;

/** Each column of a profile with the default that a user without one has. */
const COLUMNS = {
  time_zone: sql`'UTC'`,
  day_start: sql`0`,
  lang: sql`null`,
  birth_date: sql`null`,
  bmr_formula: sql`'mifflin'`,
  activity: sql`null`,
  nutrition: sql`'full'`,
  study_days: sql`127`,
  daily_minutes: sql`null`,
  minutes_per_page: sql`2::float8`,
  minutes_per_chapter: sql`20::float8`,
  minutes_per_lesson: sql`30::float8`,
} as const;

const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const list = (write: (name: keyof typeof COLUMNS) => SQL): SQL => sql.join(names.map(write), sql`, `);
const column = (name: string) => sql`${sql.identifier(name)}`;
/** Selects all columns of `row`, dates as text. */
const columnsOf = (row: string) =>
  list((name) => {
    const value = sql`${column(row)}.${column(name)}`;
    return name === 'birth_date' ? sql`${value}::text as birth_date` : value;
  });

const find = firstRow(
  read(
    'profile.find',
    { ...NOW, user_id: 'bigint' },
    PROFILE_ROW,
    ({ user_id, now }) => sql`
    select
      ${columnsOf('profile')},
      local_date(${now}, profile.time_zone, profile.day_start)::text as today
    from (
      select ${list((name) => sql`coalesce(stored.${column(name)}, ${COLUMNS[name]}) as ${column(name)}`)}
      from ${users} account
      left join ${profiles} stored on stored.user_id = ${user_id}
      where account.id = ${user_id}) as profile`,
  ),
);

/** @returns the profile, or that of a user who has changed nothing; undefined when there is no such user */
export async function findProfile(db: Database, user_id: number, now: Date): Promise<Profile | undefined> {
  const row = await find(db, { user_id, now });
  return row && toProfile(row);
}

const healthKeys = sql.raw(`array['${Object.keys(HEALTH_KEYS).join("', '")}']`);

// What is sent comes as one JSON object: a key that it has is changed, to null as well.
const update = firstRow(
  write(
    'profile.update',
    { ...NOW, user_id: 'bigint', change: 'json' },
    PROFILE_ROW,
    ({ user_id, now, change }) => sql`
    with before as (
      select ${list((name) => sql`coalesce(stored.${column(name)}, ${COLUMNS[name]}) as ${column(name)}`)}
      from (select) as nobody
      left join ${profiles} stored on stored.user_id = ${user_id}),
    wanted as (
      select changed.*
      from before,
      lateral jsonb_populate_record(
        null::${profiles},
        to_jsonb(before) || jsonb_build_object('user_id', ${user_id}) || ${change}::jsonb) as changed),
    after as (
      insert into ${profiles} (user_id, ${list(column)})
      select ${user_id}, ${list((name) => sql`wanted.${column(name)}`)}
      from wanted
      on conflict (user_id) do update set ${list((name) => sql`${column(name)} = excluded.${column(name)}`)}
      returning ${list(column)}),
    shown as (
      select after.*, local_date(${now}, after.time_zone, after.day_start) as today from after),
    ${appendEvents(
      user_id,
      'profile.changed',
      sql`
        select
          to_jsonb(after) - ${healthKeys}
            || jsonb_build_object('study_days', ${weekdaysOfMask(sql`after.study_days`)}) as data
        from after, before
        where to_jsonb(after) <> to_jsonb(before)`,
    )}
    select ${columnsOf('shown')}, shown.today::text as today from shown`,
  ),
);

/** @returns the profile after the change; undefined when there is no such user */
export async function updateProfile(
  db: Database,
  user_id: number,
  now: Date,
  { study_days, ...change }: ProfileChange,
): Promise<Profile | undefined> {
  const row = await inUserTransaction(db, user_id, async (tx) => {
    const stored = { ...change, ...(study_days && { study_days: maskOf(study_days) }) };
    const updated = await update(tx, { user_id, now, change: stored });
    if (updated && study_days) await writeSchedule(tx, { user_id, now });
    return updated;
  });
  return row && toProfile(row);
}

const toProfile = ({ study_days, ...profile }: ProfileRow): Profile => ({
  ...profile,
  study_days: weekdaysOf(study_days),
});
