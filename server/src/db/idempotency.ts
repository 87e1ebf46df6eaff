// A call that is sent twice with the same key runs once: one transaction stores its effect and its answer.
import type { Database } from './database.ts';
import { sql } from './drizzle.ts';
import { NO_ROWS } from './rows.ts';
import { idempotencyKeys } from './schema/index.ts';
import { lockUser, userLocked } from './sql/eventLog.ts';
import { firstRow, write } from './statement.ts';

/** How long an answer is stored. */
export const KEY_LIFETIME_HOURS = 24;

export type Claim =
  | { outcome: 'new' }
  | { outcome: 'replayed'; answer: unknown }
  | { outcome: 'other request' | 'running' };

const KEY = { user_id: 'bigint', key: 'text' } as const;

// Without this lock a second call would wait until the first one ends. With it, it learns that the first one runs.
const lock = firstRow(
  write(
    'idempotency.lock',
    KEY,
    { free: 'boolean' },
    ({ user_id, key }) =>
      sql`select pg_try_advisory_xact_lock(hashtextextended(${user_id}::text || ':' || ${key}, 0)) as free`,
  ),
);

const claim = firstRow(
  write(
    'idempotency.claim',
    { ...KEY, request: 'text' },
    { ours: 'boolean', same: 'boolean?', answer: 'text?' },
    ({ user_id, key, request }) => sql`
    with ${lockUser(user_id)},
    ours as (
      insert into ${idempotencyKeys} as stored (user_id, key, request)
      select ${user_id}, ${key}, ${request}
      where ${userLocked}
      on conflict (user_id, key) do update
      set request = excluded.request, answer = null, created_at = excluded.created_at
      where excluded.created_at - stored.created_at > interval '${sql.raw(String(KEY_LIFETIME_HOURS))} hours'
      returning stored.key)
    select exists (select from ours) as ours, stored.request = ${request} as same, stored.answer
    from (select) as one
    left join ${idempotencyKeys} stored on stored.user_id = ${user_id} and stored.key = ${key}`,
  ),
);

/**
 * Claims a key inside the transaction of its call. A rollback of that transaction frees the key.
 * @param request a digest of the call
 */
export async function claimKey(tx: Database, user_id: number, key: string, request: string): Promise<Claim> {
  if (!(await lock(tx, { user_id, key }))?.free) return { outcome: 'running' };
  const taken = await claim(tx, { user_id, key, request });
  if (taken?.ours) return { outcome: 'new' };
  if (!taken?.same) return { outcome: 'other request' };
  return taken.answer === null
    ? { outcome: 'running' }
    : { outcome: 'replayed', answer: JSON.parse(taken.answer) };
}

const store = write(
  'idempotency.keep',
  { ...KEY, answer: 'text' },
  NO_ROWS,
  ({ user_id, key, answer }) =>
    sql`
    update ${idempotencyKeys}
    set answer = ${answer}
    where user_id = ${user_id} and key = ${key}`,
);

/** Stores the answer in the transaction of the effect. */
export async function storeAnswer(
  tx: Database,
  user_id: number,
  key: string,
  answer: unknown,
): Promise<void> {
  await store(tx, { user_id, key, answer: JSON.stringify(answer) });
}
