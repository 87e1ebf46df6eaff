// A call that is sent twice under one key happens once: its effect and its answer are stored in one transaction.

import { type Database, rowsOf } from './client.ts';
import { sql } from './orm.ts';
import { idempotencyKeys } from './schema/index.ts';

/** Hours for which an answer is kept. */
const KEPT = 24;

export type Claim = { outcome: 'new' } | { outcome: 'replayed'; answer: unknown } | { outcome: 'other request' | 'running' };

/**
 * Takes a key, inside the transaction of the call that it names; the key is free again when that is rolled back.
 * @param request what the call is, as a digest
 */
export async function claimKey(tx: Database, user_id: number, key: string, request: string): Promise<Claim> {
  // Without the lock a second call would wait for the first one's end instead of being told that it runs.
  const [lock] = await rowsOf<{ free: boolean }>(
    tx,
    sql`select pg_try_advisory_xact_lock(hashtextextended(${`${user_id}:${key}`}::text, 0)) as free`,
  );
  if (!lock?.free) return { outcome: 'running' };
  const [taken] = await rowsOf<{ ours: boolean; same: boolean; answer: string | null }>(
    tx,
    sql`
    with ours as (
      insert into ${idempotencyKeys} as k (user_id, key, request) values (${user_id}, ${key}, ${request})
      on conflict (user_id, key) do update set request = excluded.request, answer = null, created_at = now()
      where k.created_at < now() - make_interval(hours => ${KEPT})
      returning k.key)
    select exists (select from ours) as ours, request = ${request} as same, answer
    from (select) as one left join ${idempotencyKeys} k on k.user_id = ${user_id} and k.key = ${key}`,
  );
  if (taken?.ours) return { outcome: 'new' };
  if (!taken?.same) return { outcome: 'other request' };
  return taken.answer === null ? { outcome: 'running' } : { outcome: 'replayed', answer: JSON.parse(taken.answer) };
}

/** Keeps the answer beside the effect. */
export async function keepAnswer(tx: Database, user_id: number, key: string, answer: unknown): Promise<void> {
  await tx.execute(sql`update ${idempotencyKeys} set answer = ${JSON.stringify(answer)}::text where user_id = ${user_id} and key = ${key}`);
}
