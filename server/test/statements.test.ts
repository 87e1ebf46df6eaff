// Every statement there is: how the database would run it on tables that have grown, and how many a procedure needs.
import { sql } from 'drizzle-orm';
import { afterAll, describe, expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { type Statement, statements } from '../src/db/statement.ts';
import '../src/dayRecord/rebuild.ts';
import '../src/features/auth/operators/queries.ts';
import '../src/jobs/registry.ts';
import { exerciseOf } from './catalogue.ts';
import { openTestDatabase, startApp } from './harness.ts';
import { sampleInput } from './statementSamples.ts';
import { bothTransports, ROUTES } from './transports.ts';

const database = await openTestDatabase();
afterAll(() => database.close());
const { db } = database;

/** Tables that stay small, whoever uses the server. */
const SMALL = ['exercises', 'exercise_catalogue'];

/**
 * What reads or counts all rows of a user. Of one who has written half of a table it rightly reads the table through, so
 * these are asked about another.
 */
const WHOLE = ['rebuild.read', 'user.export', 'export.begin'];

/** Rows that a statement may sort: a page. */
const PAGE = 500;

/** By parameter, where the sample of its type is no good one. */
const SAMPLES: Record<string, unknown> = { before_id: 2 ** 31 };

/** 2,000 users with all that a user has: enough for the planner to prefer an index to reading a table through. */
async function fill(): Promise<void> {
  const inserts = [
    sql`insert into users (login, login_key, password) select 'u' || n, 'u' || n, 'x' from generate_series(1, 2000) n`,
    sql`insert into logins (user_id, key, login_key) select u.id, u.login_key, u.login_key from users u`,
    sql`insert into event_sequences (user_id) select u.id from users u`,
    sql`insert into sessions (user_id, device, idle_expires_at, absolute_expires_at)
      select u.id, '', now() + interval '1 day', now() + interval '1 day' from users u, generate_series(1, 3)`,
    sql`insert into outer_tasks (user_id, title) select u.id, 'x' from users u, generate_series(1, 20)`,
    // The one whose rows the statements ask for has written ever since.
    sql`insert into outer_tasks (user_id, title, status) select 70, 'x', n % 2 = 0 from generate_series(1, 30000) n`,
    sql`insert into task_series (user_id, title, freq, anchor)
      select u.id, 'x', 'daily', date '2026-11-28' from users u`,
    sql`insert into outer_tasks (user_id, title, due_on, series_id)
      select s.user_id, 'x', s.anchor, s.id from task_series s`,
    sql`insert into body_weights (user_id, date, weight, zone, source)
      select u.id, date '2026-11-28' - n, 70, 'UTC', 'body' from users u, generate_series(1, 12) n`,
    sql`insert into body_weights (user_id, date, weight, zone, source)
      select 70, date '2026-11-28' - n, 70, 'UTC', 'body' from generate_series(13, 3650) n`,
    sql`insert into calendars (user_id, name, token_hash)
      select u.id, 'x', u.id || ' ' || n from users u, generate_series(1, 3) n`,
    sql`insert into physical_plans (user_id, goal, age, gender, weight, height)
      select u.id, 'x', 30, 'male', 70, 175 from users u, generate_series(1, 2)`,
    sql`insert into workouts (user_id, physical_plan_id, day_of_week) select p.user_id, p.id, d from physical_plans p, generate_series(1, 7) d`,
    sql`insert into workout_exercises (user_id, workout_id, exercise_id) select w.user_id, w.id, e.id from workouts w, exercises e where w.id < 6000 and e.default_order is not null`,
    sql`insert into resources (user_id, type, name, description, volume) select u.id, 'book', 'x', 'x', 1 from users u, generate_series(1, 6)`,
    sql`insert into mental_plans (user_id, name, goal, progress) select u.id, 'x', 'x', 30 from users u, generate_series(1, 2)`,
    sql`insert into mental_plan_resources (user_id, mental_plan_id, resource_id)
      select p.user_id, p.id, r.id from mental_plans p join resources r on r.user_id = p.user_id`,
    sql`insert into profiles (user_id) select u.id from users u`,
    sql`insert into progressions (user_id, plan_id, exercise_id, opening_k, k)
      select p.user_id, p.id, e.id, 0, 0 from physical_plans p, exercises e
      where p.id < 500 and e.default_order is not null`,
    sql`insert into schedules (user_id, from_date, training, study)
      select u.id, date '2020-01-01' + n, 127, 127 from users u, generate_series(1, 5) n`,
    sql`insert into days (user_id, date, state, run)
      select u.id, date '2026-11-28' - n, 'done', n from users u, generate_series(1, 12) n`,
    // Ten years of one user.
    sql`insert into days (user_id, date, state, run)
      select 70, date '2026-11-28' - n, 'done', n from generate_series(13, 3650) n`,
    sql`insert into months (user_id, month, done)
      select u.id, date '2026-11-01' - n * interval '1 month', 30 from users u, generate_series(1, 5) n`,
    sql`insert into months (user_id, month, done)
      select 70, date '2026-11-01' - n * interval '1 month', 30 from generate_series(6, 120) n`,
    sql`insert into facts (user_id, seq, kind, date, zone, data)
      select u.id, n, 'day.done', date '2026-11-28' - n, 'UTC', '{"counters": []}'
      from users u, generate_series(1, 5) n`,
    sql`insert into facts (user_id, seq, kind, date, zone, data)
      select 70, n, 'day.done', date '2026-11-28' - n, 'UTC', '{"counters": []}' from generate_series(6, 5000) n`,
    // A date that was corrected again and again.
    sql`insert into facts (user_id, seq, kind, date, zone, data)
      select 70, n, 'day.corrected', date '2026-11-28', 'UTC', '{"counters": [], "content": {}, "before": []}'
      from generate_series(5001, 5100) n`,
    sql`insert into password_resets (user_id, code_hash, expires_at) select u.id, 'x', now() + interval '1 hour' from users u`,
    sql`insert into idempotency_keys (user_id, key, request) select u.id, 'k' || n, 'x' from users u, generate_series(1, 3) n`,
    sql`insert into events (user_id, seq, type, data) select u.id, n, 'task.removed', '{}' from users u, generate_series(1, 30) n`,
    sql`insert into exports (user_id, state, parts, finished_at, expires_at)
      select u.id, 'done', 3, now(), now() + interval '1 day' from users u, generate_series(1, 3)`,
    sql`insert into exports (user_id) select 10 * n from generate_series(1, 20) n`,
    sql`insert into export_parts (user_id, export_id, part, text) select x.user_id, x.id, n, 'x' from exports x, generate_series(0, 2) n where x.parts = 3`,
    sql`insert into audit_trail (event, user_id, ip, request_id) select 'signed_in', u.id, '', '' from users u, generate_series(1, 5)`,
  ];
  for (const insert of inserts) await db.execute(insert);
  await db.execute(sql`analyze`);
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  /** Of one loop, where the statement was run. */
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** @returns the nodes of the plan of a statement with sample values, or others */
async function explained(
  name: string,
  statement: Statement,
  options: string,
  more: Record<string, unknown> = {},
): Promise<Node[]> {
  const samples = sampleInput(statement);
  const input = Object.fromEntries(
    Object.entries(samples).map(([key, sample]) => [key, more[key] ?? SAMPLES[key] ?? sample]),
  );
  let nodes: Node[] = [];
  const explaining: Database = {
    ...db,
    async executePrepared({ text }, values) {
      const rows = (await db.executePrepared(
        { name, mode: 'write', text: `explain (${options}) ${text}` },
        values,
      )) as Record<string, unknown>[];
      const plan = rows[0]?.['QUERY PLAN'] as string | [{ Plan: Node }];
      nodes = nodesOf((typeof plan === 'string' ? JSON.parse(plan) : plan)[0].Plan);
      return [];
    },
  };
  await statement(explaining, { ...input, ...('limit' in input && { limit: 100 }) });
  return nodes;
}

/** Rows that the scans of tables have read, those that a filter left out included. */
const rowsReadBy = (nodes: readonly Node[]): number =>
  nodes
    .filter((node) => node['Relation Name'] !== undefined && node['Node Type'] !== 'Bitmap Index Scan')
    .map((node) => {
      const {
        'Actual Rows': shown = 0,
        'Actual Loops': loops = 0,
        'Rows Removed by Filter': filtered = 0,
      } = node;
      return (shown + filtered) * loops;
    })
    .reduce((sum, rows) => sum + rows, 0);

describe('on grown tables', async () => {
  await fill();

  test.each([...statements()])('%s reads by index and sorts no more than a page', async (name, statement) => {
    const nodes = await explained(name, statement, 'format json', {
      ...(WHOLE.includes(name) && { user_id: 71 }),
      // The search reads all accounts that are older.
      ...(name === 'operator.search' && { before_id: 70 }),
    });
    expect(nodes.length).toBeGreaterThan(0);
    const through = nodes.filter(
      (node) => node['Node Type'] === 'Seq Scan' && !SMALL.includes(node['Relation Name'] ?? ''),
    );
    expect(through.map((node) => node['Relation Name'])).toEqual([]);
    expect(nodes.filter((node) => node['Node Type'].includes('Sort') && node['Plan Rows'] > PAGE)).toEqual(
      [],
    );
  });

  test.each([
    ['day.today', 90],
    ['day.state', 20],
    ['history.days', 90],
    ['history.months', 90],
    ['history.summary', 90],
    ['calendar.file', 90],
  ] as const)(
    '#529 %s reads no more than 400 rows and 200 weights of the one with ten years of history and a date corrected 100 times',
    async (name, least) => {
      const nodes = await explained(name, statements().get(name) as Statement, 'analyze, format json');
      const isWeight = (node: Node) => node['Relation Name'] === 'body_weights';
      const weights = rowsReadBy(nodes.filter(isWeight));
      expect(weights).toBeLessThanOrEqual(200);
      expect(rowsReadBy(nodes) - weights).toBeGreaterThan(least);
      expect(rowsReadBy(nodes) - weights).toBeLessThanOrEqual(400);
    },
  );

  test('#637 what comes after a task that was done daily for ten years is found by a few rows', async () => {
    const [series] = await db.execute<{ id: number }>(sql`
      insert into task_series (user_id, title, freq, anchor)
      values (70, 'x', 'daily', '2016-11-28')
      returning id::int as id`);
    const rows = await db.execute<{ id: number }>(sql`
      insert into outer_tasks (user_id, title, due_on, series_id, status)
      select 70, 'x', date '2016-11-28' + n, ${series?.id ?? 0}, n < 3650 from generate_series(0, 3650) n
      returning id::int as id`);
    await db.execute(sql`analyze`);
    const read = async (name: string, more: object) => {
      const statement = statements().get(name) as Statement;
      return rowsReadBy(await explained(name, statement, 'analyze, format json', { ...more }));
    };
    for (const { id } of [rows[0], rows[1800], rows[3650]] as { id: number }[]) {
      expect(await read('task.occurrence', { id, due_on: '2026-12-24', tells: false })).toBeLessThan(30);
      expect(await read('day.state', { named: { tasks: [id] } })).toBeLessThan(400);
    }
  });

  test('#614 summary.due reads no more than 400 rows of each user, also of one who closes no day', async () => {
    await db.execute(sql`update users set summary_due_at = '-infinity' where id in (70, 71)`);
    await db.execute(sql`delete from days where user_id = 71`);
    await db.execute(sql`
      insert into days (user_id, date, state) select 71, date '2026-11-28' - n, 'open' from generate_series(0, 3650) n`);
    await db.execute(sql`
      insert into schedules (user_id, from_date, training, study)
      select 71, date '2026-11-28' - n, n % 2, 0 from generate_series(0, 2000) n`);
    await db.execute(sql`analyze`);
    const nodes = await explained(
      'summary.due',
      statements().get('summary.due') as Statement,
      'analyze, format json',
    );
    expect(rowsReadBy(nodes)).toBeGreaterThan(300);
    expect(rowsReadBy(nodes)).toBeLessThanOrEqual(800);
  });
});

describe('round trips', async () => {
  const said: string[] = [];
  const counting: Database = {
    ...db,
    executePrepared(statement, values) {
      said.push(statement.name);
      return db.executePrepared(statement, values);
    },
  };
  const api = await startApp({ database: { ...database, db: counting } });
  const ann = await api.register();
  const [rest] = bothTransports(api);
  const made = async (procedure: string, input: object) =>
    (await rest.call(procedure, input, ann.token)).data;
  const PLAN = { goal: 'Run', age: 30, gender: 'male', weight: 70, height: 175 };
  const BOOK = { type: 'book', name: 'x', description: 'x', volume: 10 };
  const task = await made('task.create', { title: 'Run' });
  const otherTask = await made('task.create', { title: 'Shop' });
  const water = await made('task.create', {
    title: 'Water',
    due_on: '2026-03-02',
    recurrence: { freq: 'daily' },
  });
  const physicalPlan = await made('physicalPlan.create', PLAN);
  const mentalPlan = await made('mentalPlan.create', { name: 'x', goal: 'x', resource_list: [] });
  const resource = await made('resource.create', BOOK);
  const calendar = await made('calendar.create', {});

  const TODAY = new Date().toISOString().slice(0, 10);
  const INPUTS: Record<string, object> = {
    'physicalPlan.create': PLAN,
    'physicalPlan.byUser': { id: ann.id },
    'physicalPlan.list': {},
    'physicalPlan.exercises': {},
    'physicalPlan.update': { id: physicalPlan.data.id, weight: 71 },
    'physicalPlan.preview': { ...PLAN, level: 1 },
    'physicalPlan.swap': { id: physicalPlan.data.id, exercise_id: 2, to: exerciseOf('chair_squat').id },
    'physicalPlan.remove': { id: physicalPlan.data.id },
    'mentalPlan.create': { name: 'x', goal: 'x', resource_list: [resource.data] },
    'mentalPlan.byUser': { id: ann.id },
    'mentalPlan.list': {},
    'mentalPlan.update': { id: mentalPlan.mental_plan_id, resource_list: [resource.data] },
    'mentalPlan.remove': { id: mentalPlan.mental_plan_id },
    'resource.create': BOOK,
    'resource.createMany': { resources: [BOOK, BOOK] },
    'resource.list': {},
    'resource.update': { id: resource.data, volume: 11 },
    'resource.remove': { id: resource.data },
    'history.days': {},
    'history.months': {},
    'history.summary': {},
    'day.today': {},
    'day.byDate': { date: TODAY },
    'day.complete': { date: TODAY, tasks: [task.id] },
    'day.correct': { date: TODAY, tasks: [otherTask.id] },
    'day.reopen': { date: TODAY },
    'day.skip': { date: TODAY },
    'body.add': { weight: 71.5 },
    'body.list': {},
    'body.trend': {},
    'body.remove': { date: TODAY },
    'calendar.create': {},
    'calendar.list': {},
    'calendar.revoke': { id: calendar.id },
    'profile.get': {},
    'profile.update': { study_days: [1, 3] },
    'task.create': { title: 'Swim' },
    'task.list': { status: false },
    'task.byUser': { id: ann.id },
    'task.update': { id: task.id, status: true },
    'task.skip': { id: water.id },
    'task.remove': { id: task.id },
    'health.check': {},
  };

  test('every procedure is counted, but those of auth and the stream', () => {
    expect(Object.keys(INPUTS).sort()).toEqual(
      Object.keys(ROUTES)
        .filter((name) => !name.startsWith('auth.') && name !== 'events.stream')
        .sort(),
    );
  });

  /** Asked once in ten seconds, and told after the answer, of many changes together. */
  const BESIDES = ['session.find', 'events.notify'];

  /** What reads before it decides, or writes down what is due afterwards, under the user's lock, in one transaction. */
  const TRANSACTIONS = [
    'profile.update',
    'body.add',
    'calendar.create',
    'day.complete',
    'day.correct',
    'day.reopen',
    'task.skip',
    'physicalPlan.swap',
    'physicalPlan.remove',
    'mentalPlan.update',
    'mentalPlan.remove',
    'resource.remove',
  ];

  /** How tasks recur is read by a second one. */
  const WITH_RECURRENCE = ['task.list', 'task.byUser'];

  // Within ten seconds of one look-up of the session, and with the catalogue in memory.
  test.each(Object.entries(INPUTS))('%s takes one at most', async (procedure, input) => {
    said.length = 0;
    expect((await rest.call(procedure, input, ann.token)).status).toBeLessThan(300);
    expect(said.filter((name) => !BESIDES.includes(name)).length, said.join()).toBe(
      procedure === 'health.check' || TRANSACTIONS.includes(procedure)
        ? 0
        : WITH_RECURRENCE.includes(procedure)
          ? 2
          : 1,
    );
  });
});
