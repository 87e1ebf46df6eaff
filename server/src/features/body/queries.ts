// Every statement is scoped to its owner. Weights are data concerning health: no event holds one.
import { currentBody, type StoredBody, weightForEnergy } from '../../dayRecord/body.ts';
import type { Database } from '../../db/database.ts';
import { sql } from '../../db/drizzle.ts';
import { json, nullable } from '../../db/rows.ts';
import { bodyWeights, eventSequences, physicalPlans as plans } from '../../db/schema/index.ts';
import { userClock } from '../../db/sql/adjustment.ts';
import { columnList, pickColumns } from '../../db/sql/columns.ts';
import { appendEvents, appendTypedEvents, lockUser, userLocked } from '../../db/sql/eventLog.ts';
import { localToday, NOW } from '../../db/sql/localDate.ts';
import { PLAN_COLUMNS, planAsJson } from '../../db/sql/planRow.ts';
import { bodyEvent, lastWeighIns, recordWeighIn, weighInEvent } from '../../db/sql/weighIn.ts';
import { firstRow, groupedWrite, read, write } from '../../db/statement.ts';
import { inUserTransaction } from '../../db/userTransaction.ts';
import {
  bmiOf,
  isLosingFast,
  latestDate,
  TREND_WEIGH_INS,
  toGrams,
  trend,
  type WeighIn,
  weeklyRate,
} from '../../domain/index.ts';
import {
  type AddedWeight,
  MAX_TREND_DAYS,
  type NewWeight,
  type WeightRequest,
  type WeightTrend,
} from './contract.ts';

/** How far back a weight may be added: days. */
const ADDABLE_DAYS = 3_650;

const columns = pickColumns(bodyWeights, ['date', 'weight', 'source']);

// It runs under the user's lock, so it sees each weight that was added before: only the newest one is the plan's.
const add = firstRow(
  write(
    'body.add',
    { ...NOW, user_id: 'bigint', date: 'date?', latest: 'date', weight: 'float8' },
    {
      date: 'date',
      today: 'date',
      in_range: 'boolean',
      before: json<readonly WeighIn[]>(),
      body: nullable(json<StoredBody>()),
    },
    ({ user_id, now, date, latest, weight }) => sql`
    with ${userClock(user_id, now)},
    asked as (
      select
        clock.today,
        clock.zone,
        coalesce(${date}, clock.today) as date,
        coalesce(${date} between clock.today - ${sql.raw(String(ADDABLE_DAYS))} and ${latest}, true) as in_range
      from clock
      join ${eventSequences} sequence on sequence.user_id = ${user_id}
    ),
    ${recordWeighIn(
      user_id,
      now,
      'body',
      sql`select asked.date, ${weight} as weight, asked.zone from asked where asked.in_range`,
    )},
    moved as (
      update ${plans} plan set weight = ${weight}, version = plan.version + 1
      from asked
      where plan.user_id = ${user_id}
        and plan.id = (select max(id) from ${plans} where user_id = ${user_id})
        and plan.weight <> ${weight}
        and asked.in_range
        and not exists (
          select from ${bodyWeights} later where later.user_id = ${user_id} and later.date > asked.date)
      returning ${columnList(PLAN_COLUMNS, 'plan')}
    ),
    ${appendTypedEvents(
      user_id,
      sql`
        select 1 as place, 'physicalPlan.changed' as type, ${planAsJson('moved')} as data from moved
        union all ${weighInEvent(2)}`,
    )}
    select
      asked.date,
      asked.today,
      asked.in_range,
      ${lastWeighIns(user_id, sql`asked.date - 1`)} as before,
      ${currentBody(user_id)} as body
    from asked`,
  ),
);

/**
 * Records a weight, in place of another of the date. The newest one is that of the current physical plan too.
 * @returns undefined if there is no such user
 */
export async function addWeight(
  db: Database,
  user_id: number,
  now: Date,
  { weight, date }: NewWeight,
): Promise<AddedWeight | 'date out of range' | undefined> {
  const added = await inUserTransaction(db, user_id, (tx) =>
    add(tx, { user_id, now, date, latest: latestDate(now), weight }),
  );
  if (!added) return undefined;
  if (!added.in_range) return 'date out of range';
  const { body } = added;
  const point = { date: added.date, weight };
  const points = trend([...added.before, point]);
  const shown = weightForEnergy(body, added.today) !== null && body;
  return {
    ...point,
    trend: toGrams(points.at(-1)?.trend ?? weight),
    rate: toGrams(weeklyRate(points)),
    bmi: shown ? Math.round(100 * bmiOf({ weight, height: shown.height })) / 100 : null,
  };
}

const page = read(
  'body.list',
  { user_id: 'bigint', before: 'date?', limit: 'int' },
  columns,
  ({ user_id, before, limit }) => sql`
    select ${columnList(columns)}
    from ${bodyWeights}
    where user_id = ${user_id} and date < coalesce(${before}, 'infinity')
    order by date desc
    limit ${limit}`,
);

/** Newest first. */
export const listWeights = (db: Database, user_id: number, request: WeightRequest) =>
  page(db, { user_id, ...request });

/** More than there are dates from the first one that is shown to the latest that it is anywhere. */
const MAX_SHOWN = MAX_TREND_DAYS + 2;

const recent = firstRow(
  read(
    'body.trend',
    { ...NOW, user_id: 'bigint', days: 'int' },
    { today: 'date', before: json<readonly WeighIn[]>(), shown: json<readonly WeighIn[]>() },
    ({ user_id, now, days }) => sql`
    with clock as materialized (
      select ${localToday(user_id, now)} as today
    ),
    start as (
      select today, today - (${days} - 1) as first from clock
    ),
    shown as (
      select known.date, known.weight
      from ${bodyWeights} known
      where known.user_id = ${user_id} and known.date >= (select first from start)
      order by known.date desc
      limit ${sql.raw(String(MAX_SHOWN))}
    ),
    before as (
      select known.date, known.weight
      from ${bodyWeights} known
      where known.user_id = ${user_id} and known.date < (select first from start)
      order by known.date desc
      limit ${sql.raw(String(TREND_WEIGH_INS))}
    )
    select
      start.today,
      (select coalesce(json_agg(before order by before.date), '[]') from before) as before,
      (select coalesce(json_agg(shown order by shown.date), '[]') from shown) as shown
    from start`,
  ),
);

/** @returns the weights of so many dates with their trend, oldest first */
export async function findTrend(
  db: Database,
  user_id: number,
  now: Date,
  days: number,
): Promise<WeightTrend> {
  const found = await recent(db, { user_id, now, days });
  if (!found) return { points: [], rate: null, losing_fast: false };
  const { before, shown, today } = found;
  const points = trend([...before, ...shown]);
  return {
    points: points.slice(before.length).map((point) => ({ ...point, trend: toGrams(point.trend) })),
    rate: toGrams(weeklyRate(points)),
    losing_fast: isLosingFast(points, today),
  };
}

/** Removes the weight of a date for good, if there is one. The plan keeps its own. */
export const removeWeight = groupedWrite(
  'body.remove',
  { user_id: 'bigint', date: 'date' },
  { date: bodyWeights.date },
  ({ user_id, date }) => sql`
    with ${lockUser(user_id)},
    removed as (
      delete from ${bodyWeights}
      where user_id = ${user_id} and date = ${date} and ${userLocked}
      returning date
    ),
    ${appendEvents(user_id, 'body.changed', sql`select ${bodyEvent(sql`removed.date`, true)} as data from removed`)}
    select date from removed`,
);
