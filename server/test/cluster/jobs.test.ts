import { expect, test } from 'vitest';
import { startInstances } from './instances.ts';

const { servers, sql } = await startInstances({ RATE_LIMIT: 'off' });
/** What the servers have said about the job, each line with the number of its server. */
const said = () =>
  servers.flatMap(({ output }, server) =>
    output.filter((line) => line.includes('"job":"purge"')).map((line) => ({ server, ...JSON.parse(line) })),
  );

test('#199 each turn of a schedule is one job, which one of the three does, once', async () => {
  // They begin some seconds after they listen, one after the other, and each writes the schedule as it should be.
  for (const { output } of servers)
    await expect.poll(() => output.join('\n')).toContain('background work has begun');
  await sql`update pgboss.schedule set cron = '* * * * *' where name = 'purge'`;
  const turns = () => sql`
    select id, state, retry_count, date_trunc('minute', created_on) as minute from pgboss.job where name = 'purge' order by created_on`;
  const isOver = async () => {
    const states = (await turns()).map(({ state }) => state);
    return (
      states.length >= 2 && states.every((state) => state === 'completed') && said().length >= states.length
    );
  };
  await expect.poll(isOver, { interval: 500 }).toBe(true);
  const [jobs, done] = [await turns(), said()];
  console.log(`${jobs.length} turns, done by ${done.map(({ server }) => server).join(', ')}`);
  expect(done.every(({ msg, attempt }) => msg === 'job done' && attempt === 1)).toBe(true);
  expect(done.map(({ job_id }) => job_id).sort()).toEqual(jobs.map(({ id }) => id).sort());
  expect(jobs.map(({ state, retry_count }) => ({ state, retry_count }))).toEqual(
    jobs.map(() => ({ state: 'completed', retry_count: 0 })),
  );
  expect(new Set(jobs.map(({ minute }) => Number(minute))).size).toBe(jobs.length);
});
