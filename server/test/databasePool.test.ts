// An embedded database that was used before is reused only when nothing tells it from a new one.

import type { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import type { OpenDatabase } from '../src/db/database.ts';
import { openInMemory } from '../src/db/pglite/open.ts';
import { startJobs } from '../src/jobs/run.ts';
import { borrowDatabase, stateOf } from './databasePool.ts';
import { makeExport } from './exports.ts';
import { startApp } from './harness.ts';
import { bothTransports } from './transports.ts';

const engineOf = ({ client }: OpenDatabase) => client as PGlite;

/** The engine itself: what is borrowed is another object each time. */
const moduleOf = (database: OpenDatabase) => engineOf(database).Module;

const borrowed = await borrowDatabase();
afterAll(() => borrowed.close());
const engine = engineOf(borrowed);

test('after a day at work it is as a new one in all that a statement can depend on, and is reused', async () => {
  const used = await borrowDatabase();
  const api = await startApp({ database: used });
  const ann = await api.register();
  const [rest] = bothTransports(api);
  for (const [procedure, input] of [
    ['task.create', { title: 'Run' }],
    ['physicalPlan.create', { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 }],
    ['mentalPlan.create', { name: 'Winter', goal: 'Learn', resource_list: [] }],
    ['resource.create', { type: 'book', name: 'SICP', description: '', volume: 500 }],
  ] as const)
    expect(await rest.call(procedure, input, ann.token), procedure).toMatchObject({
      data: expect.anything(),
    });
  await makeExport(api, ann);
  await used.db.execute(sql`update exercises set name = 'another', step = 7 where id = 1`);
  await used.db.execute(
    sql`insert into exercises (name, description, calories_burned, start_reps, end_reps, step) values ('one more', '', 1, 1, 1, 1)`,
  );
  const jobs = startJobs({ database: used, databaseUrl: undefined, logger: pino({ level: 'silent' }) });
  await expect
    .poll(() => used.db.execute(sql`select 1 from pgboss.schedule`).catch(() => []))
    .not.toEqual([]);
  await jobs.stop();
  await api.app.close();
  const module = moduleOf(used);
  await used.close();

  const next = await borrowDatabase();
  expect(moduleOf(next) === module).toBe(true);
  const brandNew = await openInMemory();
  expect(JSON.parse(await stateOf(engineOf(next)))).toEqual(JSON.parse(await stateOf(brandNew)));
  await brandNew.close();
  await next.close();
});

test('one whose tables were altered is not reused', async () => {
  const used = await borrowDatabase();
  await used.db.execute(sql`alter table outer_tasks rename to nowhere`);
  const module = moduleOf(used);
  await used.close();
  const next = await borrowDatabase();
  expect(moduleOf(next) === module).toBe(false);
  expect(await next.db.execute(sql`select * from outer_tasks`)).toEqual([]);
  await next.close();
});

test.each([
  ['alter table outer_tasks rename to nowhere'],
  ['alter table outer_tasks alter column title type varchar(3)'],
  ['alter table outer_tasks alter column title set default 1'],
  ['alter table users drop constraint users_pkey cascade'],
  ['create index more on outer_tasks (title)'],
  ['create table more (id integer)'],
  ['create temporary table more (id integer)'],
  ['create schema more'],
  ['create sequence more'],
  [`create function more() returns integer language sql as 'select 1'`],
  ['alter table exercises disable trigger all'],
  ['alter table users enable row level security'],
  ['analyze exercises'],
  ['set local statement_timeout = 1000'],
  [`alter database template1 set timezone = 'Asia/Tokyo'`],
  ['create role somebody'],
  ['select lo_create(0)'],
  ['insert into drizzle.__drizzle_migrations (hash, created_at) values (1, 1)'],
  ['update exercises set step = 9'],
  [`select nextval('exercises_id_seq')`],
  ['listen more', 'unlisten more'],
  ['prepare more as select 1', 'deallocate more'],
  ['set timezone = 1', 'reset timezone'],
])('after %j it is not as a new one', async (statement, undo?: string) => {
  const before = await stateOf(engine);
  await engine.exec(undo === undefined ? `begin; ${statement}` : statement);
  const after = await stateOf(engine);
  await engine.exec(undo ?? 'rollback');
  expect(after).not.toBe(before);
});

test('whoever goes on after the end is refused', async () => {
  const used = await borrowDatabase();
  await used.close();
  await expect(used.db.execute(sql`select 1`)).rejects.toThrow('closed');
  await expect(used.ping()).rejects.toThrow('closed');
  await expect(used.db.transaction(async () => {})).rejects.toThrow('closed');
  expect(() => used.client?.query('select 1')).toThrow('closed');
});
