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
export const EVENTS_CHANNEL = 'events';

/** The first CTE of a change: waits for the user's turn. It is run by whatever has `inTurn` among its conditions. */
export const lockUser = (user_id: SQL): SQL =>
  sql`user_lock as (select from ${eventSequences} where user_id = ${user_id} for update)`;

/** The condition of the first thing that a change writes or locks. It is always true, and looked at before any row. */
export const userLocked: SQL = sql.raw('(select count(*) from user_lock) >= 0');

export type EventType =
  | `${'task' | 'physicalPlan' | 'mentalPlan' | 'resource'}.${'created' | 'changed' | 'removed'}`
  | `export.${'created' | 'changed'}`
  | 'summary.created';

/**
 * The last CTEs of a change: write an event for each of the rows. Nobody is told of them here: PostgreSQL lets transactions
 * that notify commit only one after the other, whoever they are of (features/events/bell.ts does it afterwards).
 * @param rows a select of one column, `data`: what the event says, as JSON
 */
export const appendEvents = (user_id: SQL, type: EventType, rows: SQL): SQL => sql`
  new_events as (select data, row_number() over () as place from (${rows}) as rows),
  sequence as (
    update ${eventSequences} s set last = s.last + many from (select count(*) as many from new_events) as h
    where s.user_id = ${user_id} and many > 0
    returning s.last - many as before),
  appended as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, sequence.before + new_events.place, '${sql.raw(type)}', new_events.data from sequence, new_events)`;

/**
 * The first CTE of a change that certainly is one row: taking the next number is taking the turn, for one write less.
 * What it writes is on the condition of `inNumber`, as others on that of `inTurn`.
 * @param condition without which no number is taken and nothing may be written; it can name the `last` number
 */
export const nextSequence = (user_id: SQL, condition: SQL): SQL =>
  sql`sequence as (update ${eventSequences} set last = last + 1 where user_id = ${user_id} and ${condition} returning last)`;

export const sequenceTaken: SQL = sql.raw('exists (select from sequence)');

/** The last CTE of such a change. @param row a select of one column and one row, `data` */
export const appendEvent = (user_id: SQL, type: EventType, row: SQL): SQL => sql`
  appended as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, sequence.last, '${sql.raw(type)}', new_event.data from sequence, (${row}) as new_event)`;

/**
 * The same for many users, one event each, whose turns are taken already.
 * @param rows a select of `user_id` and `data`
 */
export const appendEventPerUser = (type: EventType, rows: SQL): SQL => sql`
  new_events as materialized (${rows}),
  sequence as (
    update ${eventSequences} s set last = s.last + 1 from new_events as h
    where s.user_id = h.user_id and s.user_id = any(array(select user_id from new_events))
    returning s.user_id, s.last, h.data),
  appended as (
    insert into ${events} (user_id, seq, type, data) select user_id, last, '${sql.raw(type)}', data from sequence)`;
