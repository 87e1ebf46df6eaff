// Every statement is scoped to its owner.
import { currentBody, type StoredBody } from '../../dayRecord/body.ts';
import type { DayServices } from '../../dayRecord/move.ts';
import type { StoredDay } from '../../dayRecord/state.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import { days, facts, profiles, users } from '../../db/schema/index.ts';
import { catalogueVersion } from '../../db/sql/catalogueVersion.ts';
import { languageOf } from '../../db/sql/language.ts';
import { localToday, NOW } from '../../db/sql/localDate.ts';
import { firstRow, read } from '../../db/statement.ts';
import type { Day } from './contract.ts';
import { toDay } from './view.ts';

const readDays = firstRow(
  read(
    'day.between',
    { ...NOW, user_id: 'bigint', first: 'date', last: 'date' },
    {
      today: 'date',
      catalogue: 'int',
      lang: profiles.lang,
      body: nullable(json<StoredBody>()),
      days: json<readonly StoredDay[]>(),
    },
    ({ user_id, now, first, last }) => sql`
    select
      ${localToday(user_id, now)} as today,
      ${catalogueVersion} as catalogue,
      ${languageOf(user_id)} as lang,
      ${currentBody(user_id)} as body,
      (
        select coalesce(json_agg(found order by found.date), '[]')
        from (
          select
            day.date, day.state, day.revision, day.plan_id, day.slot, day.advanced, day.counted_down, day.workout,
            day.run, fact.data -> 'content' as content, fact.at, fact.zone
          from ${days} day
          left join ${facts} fact on fact.user_id = ${user_id} and fact.seq = day.fact_seq
          where day.user_id = ${user_id} and day.date between ${first} and ${last}
        ) as found
      ) as days
    from ${users}
    where id = ${user_id}`,
  ),
);

/** @returns the dates that have a row, by date */
export async function findDays(
  db: Database,
  { now, exercises }: DayServices,
  user_id: number,
  first: string,
  last: string,
): Promise<Day[]> {
  const row = await readDays(db, { user_id, now: now(), first, last });
  if (!row) return [];
  const catalogue = await exercises.get(db, row.catalogue, row.lang);
  return row.days.map((day) => toDay(day.date, day, row.body, catalogue, row.today));
}

/** @returns the date, which is open if it has no row */
export async function findDay(
  db: Database,
  services: DayServices,
  user_id: number,
  date: string,
): Promise<Day> {
  const [day] = await findDays(db, services, user_id, date, date);
  return day ?? toDay(date, null, null, new Map(), date);
}
