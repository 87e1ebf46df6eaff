// Every change of a user's tasks, plans and resources appends its events in its own statement: both happen or neither.
// Each such statement first locks the row of the user's sequence, and holds the lock until the commit. So
// - numbers follow commits: a reader of number 7 never finds a number 6 later;
// - changes of one user never deadlock. If the sequence were locked last, a statement that holds it could wait for rows that
//   its foreign keys and cascades touch, and another statement that waits for the sequence could hold these rows.
// Other transactions that lock rows of a user take the same lock first: removing the user, and claiming an Idempotency-Key.
// Different users share no locked row, so they never wait for each other.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';
import { eventSequences, events } from '../schema/index.ts';

/** The channel of notifications of new events; the payload is the user's id. */
export const EVENTS_CHANNEL = 'events';

// It has a column, as Citus refuses one without.
/** The first CTE of a change: locks the user. PostgreSQL runs it only if the first write has `userLocked` as a condition. */
export const lockUser = (user_id: SQL): SQL =>
  sql`user_lock as (select 1 as locked from ${eventSequences} where user_id = ${user_id} for update)`;

/** The condition of the first write or lock of a change. It is always true, and evaluated before any row is read. */
export const userLocked: SQL = sql.raw('(select count(*) from user_lock) >= 0');

export type EventType =
  | `${'task' | 'physicalPlan' | 'mentalPlan' | 'resource'}.${'created' | 'changed' | 'removed'}`
  | `export.${'created' | 'changed'}`
  | 'profile.changed'
  | 'day.changed'
  | 'body.changed'
  | 'summary.created';

/**
 * The last CTEs of a change: append an event for each row. They send no notification, because PostgreSQL commits
 * transactions that notify one after the other (features/events/changeNotifier.ts notifies after the commit).
 * @param rows a select of one column, `data`: the event's data as JSON
 */
export const appendEvents = (user_id: SQL, type: EventType, rows: SQL): SQL =>
  appendNumbered(
    user_id,
    sql`'${sql.raw(type)}'`,
    sql`select data, row_number() over () as place from (${rows}) as rows`,
  );

/**
 * The same of events of several types.
 * @param rows a select of `place` (in which order they are told), `type` and `data`
 */
export const appendTypedEvents = (user_id: SQL, rows: SQL): SQL =>
  appendNumbered(
    user_id,
    sql`new_events.type`,
    sql`select type, data, row_number() over (order by place) as place from (${rows}) as rows`,
  );

const appendNumbered = (user_id: SQL, type: SQL, numbered: SQL): SQL => sql`
  new_events as (${numbered}),
  sequence as (
    update ${eventSequences} stored set last = stored.last + added.many
    from (select count(*) as many from new_events) as added
    where stored.user_id = ${user_id} and added.many > 0
    returning stored.last, stored.last - added.many as before
  ),
  appended as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, sequence.before + new_events.place, ${type}, new_events.data
    from sequence, new_events
  )`;

/**
 * The first CTE of a change with exactly one event: taking the next number locks the user too, with one write less. The
 * writes of the change have the condition `sequenceTaken`, as others have `userLocked`.
 * @param condition if it is false, no number is taken and nothing may be written; it can name the `last` number
 */
export const nextSequence = (user_id: SQL, condition: SQL): SQL =>
  sql`sequence as (update ${eventSequences} set last = last + 1 where user_id = ${user_id} and ${condition} returning last)`;

export const sequenceTaken: SQL = sql.raw('exists (select from sequence)');

/** The last CTE of such a change: appends the event. @param row a select of one column and one row, `data` */
export const appendEvent = (user_id: SQL, type: EventType, row: SQL): SQL => sql`
  appended as (
    insert into ${events} (user_id, seq, type, data)
    select ${user_id}, sequence.last, '${sql.raw(type)}', new_event.data
    from sequence, (${row}) as new_event
  )`;

/**
 * Appends one event for each of many users, whose locks are held already.
 * @param rows a select of `user_id` and `data`
 */
export const appendEventPerUser = (type: EventType, rows: SQL): SQL => sql`
  new_events as materialized (${rows}),
  sequence as (
    update ${eventSequences} stored set last = stored.last + 1
    from new_events
    where stored.user_id = new_events.user_id
      and stored.user_id = any(array(select user_id from new_events))
    returning stored.user_id, stored.last, new_events.data
  ),
  appended as (
    insert into ${events} (user_id, seq, type, data)
    select user_id, last, '${sql.raw(type)}', data
    from sequence
  )`;
