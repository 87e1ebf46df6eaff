import postgres from 'postgres';
import type { OpenDatabase } from './client.ts';
import { gated } from './gate.ts';
import { forPostgres } from './orm.ts';

/**
 * The driver's options. The package is patched (patches/): without the patch it can hang, answer one query with
 * another's rows and commit outside a failed transaction when a connection is lost. `acquire_timeout` and
 * `query_timeout` come from the patch; with the default backoff a pool needs up to 20 s after a restart.
 * No pipelining: a call that waited behind another's slow statement on the same connection would have no deadline,
 * while one that waits for a connection is rejected after `acquire_timeout` and never run.
 */
export const OPTIONS = {
  backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 0.5),
  connect_timeout: 2,
  acquire_timeout: 3,
  query_timeout: 8,
  max_pipeline: 0,
  idle_timeout: 20,
  max_lifetime: 30 * 60,
  onnotice: () => {},
  connection: {
    application_name: 'stepwise',
    statement_timeout: 5000,
    lock_timeout: 2000,
    idle_in_transaction_session_timeout: 10_000,
  },
} as const;

/** Calls that may wait for a connection; the next is refused at once. */
const MAX_WAITING = 500;

/** Opens a pool. The first connection is made by the first query. */
export function openPostgres(url: string, max: number): OpenDatabase {
  const client = postgres(url, { ...OPTIONS, max });
  return {
    db: forPostgres().drizzle(gated(client, max + MAX_WAITING)),
    engine: 'postgres',
    ping: async () => void (await client`select 1`),
    close: () => client.end({ timeout: 5 }),
  };
}

/**
 * Runs `job` on one connection of its own that no timeout but the job's own cuts, as migrations need it.
 * @param lockTimeout milliseconds that a statement may wait for a lock
 */
export async function withConnection<T>(url: string, lockTimeout: number, job: (client: postgres.Sql) => Promise<T>): Promise<T> {
  const connection = { application_name: 'stepwise migrations', lock_timeout: lockTimeout };
  const client = postgres(url, { ...OPTIONS, max: 1, query_timeout: 0, idle_timeout: 0, max_lifetime: null, connection });
  try {
    return await job(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}
