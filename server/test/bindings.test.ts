// Every statement names the user for each table that it touches, each time with the statement's own
// parameter. Where tables are distributed by the user, all that it touches is on one node then.
//
// Each statement is explained with a generic plan, in which conditions show the numbers of parameters.
// Each use of a parameter has a number of its own (statement.ts). So a table that is bound to a column
// of another one, as in `user_id = task.user_id`, shows no parameter, or that of the other table, from
// which the planner has derived it; and a table that the planner has left out shows too few. A row is
// inserted for the parameter, or for a row of the same statement that was found by it. What this cannot
// show is that the parameter is the caller's user: ownership.test.ts does.
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, describe, expect, test } from 'vitest';
import '../src/dayRecord/rebuild.ts';
import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/drizzle.ts';
import * as schema from '../src/db/schema/index.ts';
import { type Statement, statements } from '../src/db/statement.ts';
import '../src/features/auth/operators/queries.ts';
import '../src/jobs/registry.ts';
import '../src/router.ts';
import { openTestDatabase } from './harness.ts';

const database = await openTestDatabase();
afterAll(() => database.close());

const tables = Object.values(schema)
  .filter((value) => is(value, PgTable))
  .map((table) => getTableConfig(table as PgTable));

/** Of each table that says whose its rows are, the column that does, and its place. */
const USER_COLUMNS = new Map(
  tables.flatMap(({ name, columns }) => {
    const column = name === 'users' ? 'id' : 'user_id';
    const place = columns.findIndex((one) => one.name === column);
    return place < 0 ? [] : [[name, { column, place }] as const];
  }),
);

/** The other tables. */
const NOBODYS: Readonly<Record<string, string>> = {
  exercises: 'all users share it',
  exercise_catalogue: 'all users share it',
};

/** Statements that are about all users, or do not know the user yet. */
const OF_ALL_USERS: Readonly<Record<string, string>> = {
  'user.create': 'looks for the login among all',
  'user.byLogin': 'looks for the login among all',
  'operator.named': 'looks for the login among all',
  'operator.search': 'an operator looks at all accounts',
  'calendar.find': 'the address of a calendar file names no user',
  'session.owner': 'a refresh token of a version before names no user',
  'events.heads': 'of all users who have a stream at this server',
  'rebuild.users': 'pages through all users',
  'export.waiting': 'looks for those of all users',
  'summary.due': 'of all users whose summary is due',
  'summary.tell': 'of all users whose summary is due',
  'purge.sessions': 'deletes those of all users',
  'purge.passwordResets': 'deletes those of all users',
  'purge.idempotencyKeys': 'deletes those of all users',
  'purge.events': 'deletes those of all users',
  'purge.exportParts': 'deletes those of all users',
  'purge.exports': 'deletes those of all users',
  'purge.auditTrail': 'deletes those of all users',
};

interface Node {
  readonly 'Node Type': string;
  readonly 'Parent Relationship'?: string;
  readonly Operation?: string;
  readonly Output?: readonly string[];
  readonly Alias?: string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Recheck Cond'?: string;
  readonly Filter?: string;
  readonly Plans?: readonly Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** @returns the generic plan of the text */
async function explain(text: string): Promise<Node[]> {
  const last = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  const values = last > 0 ? `(${Array(last).fill('null').join()})` : '';
  const [row] = await database.db.transaction(async (tx) => {
    await tx.execute(sql`set local plan_cache_mode = force_generic_plan`);
    await tx.execute(sql.raw(`prepare bound as ${text}`));
    const rows = await tx.execute<{ 'QUERY PLAN': string | [{ Plan: Node }] }>(
      sql.raw(`explain (format json, verbose) execute bound${values}`),
    );
    await tx.execute(sql`deallocate bound`);
    return rows;
  });
  const plan = row?.['QUERY PLAN'] as string | [{ Plan: Node }];
  return nodesOf((typeof plan === 'string' ? JSON.parse(plan) : plan)[0].Plan);
}

/** @returns the conditions that all have to hold, of a condition as EXPLAIN writes it */
function conjuncts(condition: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const piece of condition.split(/('(?:[^']|'')*'|[()]| AND )/)) {
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    if (piece === ' AND ' && depth === 0) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  if (parts.length > 1) return parts.flatMap(conjuncts);
  const inner = isInBrackets(condition) ? condition.slice(1, -1) : condition;
  return inner === condition ? parts : conjuncts(inner);
}

/** @returns whether the first bracket is closed by the last character */
function isInBrackets(condition: string): boolean {
  let depth = 0;
  const pieces = condition.split(/('(?:[^']|'')*'|[()])/).filter((piece) => piece !== '');
  const end = pieces.findIndex((piece) => {
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    return depth === 0;
  });
  return pieces[0] === '(' && end === pieces.length - 1;
}

/** @returns the number of the parameter that the column of the scanned table has to equal */
function boundTo(scan: Node, column: string): number | undefined {
  const conditions = [scan['Index Cond'], scan['Recheck Cond'], scan.Filter].flatMap((one) =>
    one === undefined ? [] : conjuncts(one),
  );
  return conditions
    .map((one) => new RegExp(`^(?:\\w+\\.)?${column} = \\$(\\d+)$`).exec(one)?.[1])
    .flatMap((number) => (number === undefined ? [] : [Number(number)]))[0];
}

/**
 * @param column the place of the column in the table
 * @returns what an insert writes into the column that says whose the row is. Inserts name that column first,
 * so it is the first one of a subquery
 */
function insertedUser(insert: Node, column: number): string {
  const source = insert.Plans?.find((node) => node['Parent Relationship'] === 'Outer');
  const written =
    source?.['Node Type'] === 'Subquery Scan' ? source.Plans?.[0]?.Output?.[0] : source?.Output?.[column];
  return written?.replace(/^\((.*)\)$/, '$1') ?? '';
}

/** @returns how often the text reads, changes or removes rows of the table */
const timesTouched = (text: string, table: string): number =>
  [
    ...text.matchAll(
      new RegExp(
        `(?:\\b(?:from|join|update|using)\\s+|,\\s*(?="${table}"\\s+(?!from|where)[a-z_]))"${table}"`,
        'g',
      ),
    ),
  ].length;

/** @returns the numbers of the parameters that are the user */
async function parametersOfUser(statement: Statement): Promise<Set<number>> {
  const user_id = 123_456_789;
  let sent: readonly unknown[] = [];
  const capturing: Database = {
    ...database.db,
    async executePrepared(_, values) {
      sent = values;
      return [];
    },
  };
  await statement(capturing, { user_id } as never);
  return new Set(sent.flatMap((value, at) => (value === user_id ? [at + 1] : [])));
}

/** @returns what is wrong with a statement */
async function findUnbound(text: string, users: ReadonlySet<number>): Promise<string[]> {
  const nodes = await explain(text);
  const wrong: string[] = [];
  const used = new Map<number, string>();
  const isUser = (number: number | undefined) => number !== undefined && users.has(number);
  const ctes = new Set(nodes.flatMap((node) => (node['Node Type'] === 'CTE Scan' ? [node.Alias] : [])));
  for (const [table, { column, place }] of USER_COLUMNS) {
    const own = nodes.filter((node) => node['Relation Name'] === table);
    for (const insert of own.filter((node) => node.Operation === 'Insert' && table !== 'users')) {
      const written = insertedUser(insert, place);
      const [, number] = /^\$(\d+)$/.exec(written) ?? [];
      const [, alias] = /^(\w+)\.(?:user_)?id$/.exec(written) ?? [];
      if (!isUser(Number(number)) && !ctes.has(alias)) wrong.push(`${table}: inserted for ${written}`);
    }
    const scans = own.filter((node) => node['Node Type'] !== 'ModifyTable');
    for (const scan of scans) {
      const number = boundTo(scan, column);
      const alias = `${table} ${scan.Alias}`;
      if (number === undefined || !users.has(number)) wrong.push(`${alias}: no parameter`);
      else if ((used.get(number) ?? alias) !== alias) wrong.push(`${alias}: only as ${used.get(number)}`);
      else used.set(number, alias);
    }
    const bound = new Set(scans.map((scan) => boundTo(scan, column))).size;
    const touched = timesTouched(text, table);
    if (bound !== touched) wrong.push(`${table}: ${touched} times in the text, ${bound} in the plan`);
  }
  return wrong;
}

test.each([...statements()])('#762 %s takes each parameter in its own type', (_, statement) => {
  expect(statement.compiled().text).not.toMatch(/\$\d+::text::/);
});

// Citus refuses others there.
test.each([...statements()])('#763 what %s does on a conflict does not ask the clock', (_, statement) => {
  const { text } = statement.compiled();
  const clauses = text.match(/\bon conflict\b.*?(?:\breturning\b|\n\s*\)|$)/gs) ?? [];
  expect(clauses.filter((clause) => /now\(\)|make_interval/.test(clause))).toEqual([]);
});

test('#761 a table says whose its rows are, or why it does not', () => {
  const others = tables.map(({ name }) => name).filter((name) => !USER_COLUMNS.has(name));
  expect(others.sort()).toEqual(Object.keys(NOBODYS).sort());
});

describe('every statement names the user for each table that it touches', () => {
  test.each([...statements()])('#760 %s', async (name, statement) => {
    const { text } = statement.compiled();
    const found = await findUnbound(text, await parametersOfUser(statement));
    // What need not be listed any more is not to stay there.
    if (name in OF_ALL_USERS) expect(found).not.toEqual([]);
    else expect(found).toEqual([]);
  });
});
