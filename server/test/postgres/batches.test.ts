import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { startApp } from '../harness.ts';

const api = await startApp();

test('#148 batches of twenty clients leave room for the calls of others', async () => {
  const greedy = await Promise.all(Array.from({ length: 20 }, () => api.register()));
  const modest = await api.register();
  await api.database.db.execute(
    sql`insert into outer_tasks (user_id, title) select u.id, 'x' from users u, generate_series(1, 200)`,
  );
  const inputs = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [index, { limit: 200 }]));
  const url = `/trpc/${Array(10).fill('task.list').join()}?batch=1&input=${encodeURIComponent(JSON.stringify(inputs))}`;
  let goesOn = true;
  let batches = 0;
  const storm = greedy.map(async ({ token }) => {
    while (goesOn) {
      const { statusCode } = await api.app.inject({ url, headers: { authorization: `Bearer ${token}` } });
      expect(statusCode).toBe(200);
      batches++;
    }
  });
  /** Batches that were answered while one of the other calls waited. */
  const meanwhile: number[] = [];
  for (let call = 0; call < 40 || batches <= greedy.length; call++) {
    const before = batches;
    expect(
      (await api.rest('GET', '/outherTasks', { token: modest.token, query: { limit: '20' } })).status,
    ).toBe(200);
    meanwhile.push(batches - before);
  }
  goesOn = false;
  await Promise.all(storm);
  // Two of each client, at most.
  expect(Math.max(...meanwhile)).toBeLessThanOrEqual(2 * greedy.length);
});
