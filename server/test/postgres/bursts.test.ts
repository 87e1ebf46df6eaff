// One account that sends many changes at once takes no connection from others.
import { expect, test } from 'vitest';
import { sql } from '../../src/db/drizzle.ts';
import { openPostgres } from '../../src/db/postgres/open.ts';
import { openTestDatabase, startApp } from '../harness.ts';

const database = await openTestDatabase();

test('#349 while all changes of one account wait for a lock, those of others are made', async () => {
  const pools = openPostgres(database.url as string, 10);
  const api = await startApp({ database: pools });
  const [ann, bob] = [await api.register(), await api.register()];
  const create = ({ token }: { token: string }) =>
    api.rest('POST', '/outherTasks', { token, body: { title: 'Run' } });
  const locked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const holding = database.db.transaction(async (tx) => {
    await tx.execute(sql`select from event_sequences where user_id = ${ann.id} for update`);
    locked.resolve();
    await done.promise;
  });
  await locked.promise;
  const hers = Array.from({ length: 60 }, () => create(ann));
  // Each of his would have to wait until PostgreSQL gives up one of hers.
  for (let n = 0; n < 20; n++) expect((await create(bob)).status).toBe(201);
  done.resolve();
  await holding;
  // On a busy machine PostgreSQL has given up the first of hers.
  for (const { status } of await Promise.all(hers)) expect([201, 503]).toContain(status);
  await pools.close();
});
