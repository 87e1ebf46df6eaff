// Every change of a user's tasks, plans and resources writes its events in its own statement: both happen or neither.
// All such statements begin by locking the user's sequence and hold it until they are committed. So
// - numbers follow commits: whoever has read number 7 never finds a number 6 later;
// - changes of one user never wait for each other in a circle. Were the sequence locked last, one that has it would
//   still have to wait for the rows that its foreign keys and cascades touch (a plan that is removed takes its links
//   along at the very end), held by another that waits for the sequence.
// What else locks rows that others of the user need takes its turn first too: removing the user, and a transaction that
// claims an Idempotency-Key. Different users share no row that is locked, so they never wait for each other.
import type { SQL } from 'drizzle-orm';
import { sql } from './orm.ts';
import { eventSequences, events } from './schema/index.ts';

/** The channel on which PostgreSQL tells whose events there are more of. */
export const CHANNEL = 'events';

/** The first CTE of a change: waits for the user's turn. It is run by whatever has `inTurn` among its conditions. */
export const turn = (user_id: SQL): SQL =>
  sql`turn as (select from ${eventSequences} where user_id = ${user_id} for update)`;

/** The condition of the first thing that a change writes or locks. It is always true, and looked at before any row. */
export const inTurn: SQL = sql.raw('(select count(*) from turn) >= 0');

export type EventType =
  | `${'task' | 'physicalPlan' | 'mentalPlan' | 'resource'}.${'created' | 'changed' | 'removed'}`
  | `export.${'created' | 'changed'}`
  | 'summary.created';

/**
 * The last CTEs of a change: write an event for each of the rows. Nobody is told of them here: PostgreSQL lets transactions
 * that notify commit only one after the other, whoever they are of (features/events/bell.ts does it afterwards).
 * @param rows a select of one column, `data`: what the event says, as JSON
 */
export const noted = (user_id: SQL, type: EventType, rows: SQL): SQL => sql`
  happened as (select data, row_number() over () as place from (${rows}) as rows),
  counted as (
    update ${eventSequences} s set last = s.last + many from (select count(*) as many from happened) as h
    where s.user_id = ${user_id} and many > 0
    returning s.last - many as before),
  noted as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, counted.before + happened.place, '${sql.raw(type)}', happened.data from counted, happened)`;

/**
 * The first CTE of a change that certainly is one row: taking the next number is taking the turn, for one write less.
 * What it writes is on the condition of `inNumber`, as others on that of `inTurn`.
 * @param condition without which no number is taken and nothing may be written; it can name the `last` number
 */
export const numbered = (user_id: SQL, condition: SQL): SQL =>
  sql`numbered as (update ${eventSequences} set last = last + 1 where user_id = ${user_id} and ${condition} returning last)`;

export const inNumber: SQL = sql.raw('exists (select from numbered)');

/** The last CTE of such a change. @param row a select of one column and one row, `data` */
export const notedUnder = (user_id: SQL, type: EventType, row: SQL): SQL => sql`
  noted as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, numbered.last, '${sql.raw(type)}', happened.data from numbered, (${row}) as happened)`;

/**
 * The same for many users, one event each, whose turns are taken already.
 * @param rows a select of `user_id` and `data`
 */
export const notedForEach = (type: EventType, rows: SQL): SQL => sql`
  happened as materialized (${rows}),
  counted as (
    update ${eventSequences} s set last = s.last + 1 from happened as h
    where s.user_id = h.user_id and s.user_id = any(array(select user_id from happened))
    returning s.user_id, s.last, h.data),
  noted as (
    insert into ${events} (user_id, seq, type, data) select user_id, last, '${sql.raw(type)}', data from counted)`;
