// How many tasks each statement is on a database whose tables are distributed by the user. A task is Citus's word for what a
// node is asked to run, and has nothing to do with the tasks of a person. One is what a statement of a user should be, as all
// of the user is on one node.
import { afterAll, expect, test } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { runStatement } from '../../src/db/postgres/runStatement.ts';
import type { Statement } from '../../src/db/statement.ts';
import { statements } from '../../src/statements.ts';
import { sampleInput } from '../statementSamples.ts';
import { openDistributedDatabase } from './cluster.ts';

const database = await openDistributedDatabase();
afterAll(() => database.close());

/** The writes that come most often. */
const HOTTEST_WRITES = [
  'task.create',
  'task.update',
  'task.remove',
  'day.record',
  'resource.update',
  'resource.create',
  'mentalPlan.update',
  'physicalPlan.update',
  'body.add',
  'session.refresh',
];

/** Statements that are not one task, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  'idempotency.lock': 'a lock of the coordinator, on which all servers are',
  'user.create': 'the login and the user need not be on one node',
  'user.remove': 'the login and the user need not be on one node',
  'operator.named': 'the login and the user need not be on one node',
  'operator.search': 'an operator looks at all accounts',
  'session.owner': 'a refresh token of a version before names no user',
  'calendar.find': 'the address of a calendar file names no user',
  'rebuild.users': 'each node reads of its users',
  'export.waiting': 'each node reads of its users',
  'summary.due': 'each node reads of its users',
  'summary.tell': 'each node tells its users',
  'purge.sessions': 'each node deletes of its users',
  'purge.passwordResets': 'each node deletes of its users',
  'purge.idempotencyKeys': 'each node deletes of its users',
  'purge.events': 'each node deletes of its users',
  'purge.exportParts': 'each node deletes of its users',
  'purge.exports': 'each node deletes of its users',
  'purge.auditTrail': 'a function of the coordinator, with which each node deletes of its users',
};

/** @returns the numbers of tasks of its parts */
async function tasksOf(name: string, statement: Statement): Promise<number[]> {
  let plan: unknown;
  const explaining: Database = {
    ...database.db,
    async executePrepared(compiled, values) {
      const send = (text: string, parameters: readonly unknown[]) =>
        database.db.executePrepared({ name, mode: 'write', text }, parameters);
      await runStatement(compiled, values, true, async (text, parameters) => {
        if (text !== compiled.distributed?.().text) return send(text, parameters);
        const [row] = (await send(`explain (format json) ${text}`, parameters)) as {
          'QUERY PLAN': unknown;
        }[];
        plan = row?.['QUERY PLAN'];
        return [];
      });
      return [];
    },
  };
  await statement(explaining, {
    ...sampleInput(statement),
    ...(name === 'day.record' && { next_tasks: [{}] }),
    ...(name === 'physicalPlan.createForLevel' && { exercises: [] }),
  });
  return taskCounts(typeof plan === 'string' ? JSON.parse(plan) : plan);
}

function taskCounts(node: unknown): number[] {
  if (typeof node !== 'object' || node === null) return [];
  const { 'Task Count': own } = node as { 'Task Count'?: number };
  return [...(own === undefined ? [] : [own]), ...Object.values(node).flatMap(taskCounts)];
}

const found = new Map<string, string>();
for (const [name, statement] of statements())
  found.set(
    name,
    await tasksOf(name, statement).then(
      (counts) => counts.join(' + ') || 'none',
      (error: Error) => `refused: ${error.message}`,
    ),
  );
console.log([...found].map(([name, tasks]) => `${name.padEnd(30)} ${tasks}`).join('\n'));

test('#800 no statement is refused', () => {
  expect([...found].filter(([, tasks]) => tasks.startsWith('refused'))).toEqual([]);
});

test('#801 each statement of a user is one task', () => {
  const several = [...found].filter(([, tasks]) => tasks !== '1').map(([name]) => name);
  expect(several.sort()).toEqual(Object.keys(OTHERS).sort());
});

test('#802 all reads that name the user and the hottest writes are one task', () => {
  const reads = [...statements()].filter(
    ([, statement]) => statement.compiled().mode === 'read' && 'user_id' in statement.shape,
  );
  const wanted = [...reads.map(([name]) => name), ...HOTTEST_WRITES];
  expect(wanted.length).toBeGreaterThan(40);
  expect(wanted.filter((name) => found.get(name) !== '1')).toEqual([]);
});
