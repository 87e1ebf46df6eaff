// The text of a statement for a database whose tables are distributed by the user (decision 0024). There, an insert in a
// CTE pulls its rows to the coordinator, and an id that a node makes is not in the order of time. So inserts call a small
// function, one for each row, and the coordinator makes the ids before the statement: then the statement is one task on the
// node of the user. `pnpm db:distribute` creates the functions.
//
//   made as (insert into "tasks" (user_id, title) select $1, $2 where … returning id, title)
//
// becomes
//
//   made as materialized (
//     select id, title
//     from (select *, row_number() over () as nth from (select $1, $2 where …) as listed(c1, c2)) as listed,
//       lateral public.insert_tasks_1a2b3c4d(c1::bigint, c2::text, ($3::bigint[])[nth]) as "tasks")
//
// and as a CTE that only selects is not run unless something refers to it, the last select refers to each of them.
import { createHash } from 'node:crypto';
import type { SQL } from 'drizzle-orm';
import { dialect, getTableConfig, isTable } from './drizzle.ts';
import * as schema from './schema/index.ts';

/** A statement for a distributed database. */
export interface DistributedText {
  readonly text: string;
  /** The tables for whose rows it needs ids: a parameter each, behind the others, that is a `bigint[]`. */
  readonly idsOf: readonly string[];
  /** `create or replace function` of each function that it calls. */
  readonly functions: readonly string[];
}

/** Ids that a node may make: they only order the rows of one plan, which are made together. */
const IDS_OF_THE_NODE = ['workouts', 'workout_exercises', 'mental_plan_resources'];

interface Column {
  readonly type: string;
  readonly identity: 'always' | 'byDefault' | undefined;
}

const TABLES: ReadonlyMap<string, ReadonlyMap<string, Column>> = new Map(
  (Object.values(schema) as unknown[])
    .filter(isTable)
    .map(getTableConfig)
    .map(({ name, columns }) => [
      name,
      new Map(
        columns.map((column) => [
          column.name,
          { type: column.getSQLType(), identity: column.generatedIdentity?.type },
        ]),
      ),
    ]),
);

/**
 * Rewrites the text of a statement.
 * @param text as `statement.ts` compiles it: without comments and dollar quotes
 * @param parameters how many it has
 * @throws if an insert in a CTE is none of `select` rows into a table of ours, or no select comes last
 */
export function distributedText(text: string, parameters: number): DistributedText {
  const { ctes, last } = splitWith(text);
  const functions: string[] = [];
  const idsOf: string[] = [];
  const inserting: string[] = [];
  const rewritten = ctes.map(({ name, head, body }) => {
    if (!/^\s*insert\b/.test(body)) return `${head}(${body})`;
    const insert = parseInsert(body);
    const { definition, called, ids } = functionOf(insert);
    functions.push(definition);
    inserting.push(name);
    if (ids) idsOf.push(insert.table);
    const id = ids ? `$${parameters + idsOf.length}` : undefined;
    return `${name} as materialized (${callOf(insert, called, id)})`;
  });
  if (inserting.length === 0) return { text, idsOf, functions };
  if (!/^\s*select\b/.test(last)) throw new Error(`behind an insert there has to be a select: ${last}`);
  const run = inserting.map((name) => `(select count(*) from ${name}) >= 0`).join(' and ');
  return {
    text: `with ${rewritten.join(',\n')}\nselect final.* from (${last}) as final where ${run}`,
    idsOf,
    functions,
  };
}

/**
 * A function that runs a statement for one user, on the node of the user.
 * @param parameters their types
 * @param columns those of its rows, with their types
 * @param body a statement in which `$1` is the user
 */
export function userFunction({
  name,
  parameters,
  columns,
  body,
}: {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly columns: string;
  readonly body: SQL;
}): { readonly name: string; readonly functions: readonly string[] } {
  const { text, idsOf, functions } = distributedText(dialect.sqlToQuery(body).sql, parameters.length);
  if (idsOf.length > 0)
    throw new Error(`${name} would need ids of ${idsOf.join(', ')}, which it is not given`);
  const made = functionText(name, `(${parameters.join(', ')})\n  returns table (${columns})`, text);
  return { name: made.name, functions: [...functions, made.definition] };
}

/**
 * Without `rows 1` the planner takes it for a thousand, and compiles what is dear in its eyes: seconds for `day.record`.
 * @param name the first part of its name: functions of several versions are there while servers are replaced
 */
function functionText(name: string, signature: string, statement: string) {
  const definition = (called: string) => `create or replace function ${called}${signature}
  language plpgsql rows 1
  set citus.allow_nested_distributed_execution = on
as $function$
#variable_conflict use_column
begin
  return query
    ${statement};
end
$function$`;
  const digest = createHash('sha256').update(definition(name)).digest('hex').slice(0, 8);
  const called = `public.${name}_${digest}`;
  return { name: called, definition: definition(called) };
}

interface Insert {
  readonly table: string;
  /** The name by which `on conflict` and `returning` know the row. */
  readonly alias: string;
  readonly columns: readonly string[];
  readonly select: string;
  /** With the keywords, or empty. */
  readonly onConflict: string;
  /** The list of what is returned; empty: nothing is. */
  readonly returning: readonly string[];
}

function parseInsert(body: string): Insert {
  const start = /^\s*insert into "(\w+)"(?: as (\w+))?\s*\(([^)]*)\)\s*(?=select\b)/.exec(body);
  if (!start) throw new Error(`not an insert of selected rows: ${body}`);
  const [beginning, table = '', alias = table, columns = ''] = start;
  const rest = body.slice(beginning.length);
  const [returningAt = rest.length] = topLevel(rest, /\breturning\b/g);
  const [conflictAt = returningAt] = topLevel(rest, /\bon conflict\b/g);
  const returned = rest.slice(returningAt).replace('returning', '');
  return {
    table,
    alias,
    columns: columns.split(',').map(unquoted),
    select: rest.slice(0, conflictAt).trim(),
    onConflict: rest.slice(conflictAt, returningAt).trim(),
    returning: returned.trim() === '' ? [] : splitAt(returned, /,/g).map((one) => one.trim()),
  };
}

function functionOf({ table, alias, columns, onConflict, returning }: Insert) {
  const known = TABLES.get(table) ?? new Map<string, Column>();
  const typeOf = (column: string): string => {
    const { type } = known.get(column) ?? {};
    if (type === undefined) throw new Error(`no column ${column} of ${table}`);
    return type;
  };
  if (/\$\d/.test(onConflict)) throw new Error(`a parameter in: ${onConflict}`);
  const [identity] = [...known].find(([, column]) => column.identity !== undefined) ?? [];
  const ids = identity !== undefined && !columns.includes(identity) && !IDS_OF_THE_NODE.includes(table);
  const written = ids ? [...columns, identity] : columns;
  const overriding = ids && known.get(identity)?.identity === 'always' ? ' overriding system value' : '';
  const returned = returnedColumns(returning, [...known.keys()]);
  // A function has to return something.
  const answered = returned.length > 0 ? returned : columns.slice(0, 1);
  const signature = `(${written.map(typeOf).join(', ')})
  returns table (${answered.map((column) => `"${column}" ${typeOf(column)}`).join(', ')})`;
  const statement = [
    `insert into public."${table}" as "${alias}" (${written.map((column) => `"${column}"`).join(', ')})${overriding}`,
    `values (${written.map((_, at) => `$${at + 1}`).join(', ')})`,
    ...(onConflict === '' ? [] : [onConflict.replaceAll(/\s+/g, ' ')]),
    `returning ${answered.map((column) => `"${alias}"."${column}"`).join(', ')}`,
  ].join('\n    ');
  const { name, definition } = functionText(`insert_${table}`, signature, statement);
  return { called: { name, types: columns.map(typeOf) }, ids, definition };
}

/** @returns the columns that a list of what is returned names; what is no column stays in the statement */
function returnedColumns(returning: readonly string[], all: readonly string[]): string[] {
  const named = returning.flatMap((one) => {
    if (one === '*') return all;
    const [, column] = /^(?:"?\w+"?\.)?("?\w+"?)(?: as \w+)?$/.exec(one) ?? [];
    return column === undefined || !all.includes(unquoted(column)) ? [] : [unquoted(column)];
  });
  return [...new Set(named)];
}

/** @param id the parameter with the ids, if it takes some */
function callOf(
  { alias, columns, select, returning }: Insert,
  { name, types }: { readonly name: string; readonly types: readonly string[] },
  id: string | undefined,
): string {
  const names = columns.map((_, at) => `c${at + 1}`);
  const values = names.map((one, at) => `${one}::${types[at]}`);
  const listed = `(${select}) as listed(${names.join(', ')})`;
  const from = id === undefined ? listed : `(select *, row_number() over () as nth from ${listed}) as listed`;
  const shown = returning.map((one) => (one === '*' ? `"${alias}".*` : one));
  return `
    select ${shown.length > 0 ? shown.join(', ') : '1 as inserted'}
    from ${from},
      lateral ${name}(${[...values, ...(id === undefined ? [] : [`(${id}::bigint[])[nth]`])].join(', ')}) as "${alias}"`;
}

interface Cte {
  readonly name: string;
  /** What is before the bracket. */
  readonly head: string;
  /** What is in the brackets. */
  readonly body: string;
}

/** @returns the CTEs of a text, and the statement behind them */
function splitWith(text: string): { ctes: Cte[]; last: string } {
  const ctes: Cte[] = [];
  let rest = text;
  for (let between = /^\s*with\s+/; ; between = /^\s*,\s*/) {
    const separator = between.exec(rest);
    if (!separator) return { ctes, last: rest.trim() };
    rest = rest.slice(separator[0].length);
    const [head = '', name = ''] = /^(\w+) as (?:materialized )?(?=\()/.exec(rest) ?? [];
    if (head === '') throw new Error(`not a CTE: ${rest}`);
    const end = closingBracket(rest, head.length);
    ctes.push({ name, head, body: rest.slice(head.length + 1, end) });
    rest = rest.slice(end + 1);
  }
}

const unquoted = (name: string): string => name.trim().replaceAll('"', '');

/** Calls `visit` with each place outside of quotes, and how many brackets are open there. */
function scan(text: string, visit: (at: number, depth: number) => boolean | undefined): void {
  let depth = 0;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== '') {
      if (character === quote) quote = '';
      continue;
    }
    if (character === "'" || character === '"') quote = character;
    if (character === ')') depth--;
    if (visit(at, depth)) return;
    if (character === '(') depth++;
  }
}

/** @param open the place of a bracket. @returns the place of the one that closes it */
function closingBracket(text: string, open: number): number {
  let found = text.length;
  scan(text.slice(open), (at, depth) => {
    if (at === 0 || depth > 0) return false;
    found = open + at;
    return true;
  });
  return found;
}

/** @returns where the pattern matches outside of brackets and quotes */
function topLevel(text: string, pattern: RegExp): number[] {
  const open = new Set<number>();
  scan(text, (at, depth) => {
    if (depth === 0) open.add(at);
    return false;
  });
  return [...text.matchAll(pattern)].map(({ index }) => index).filter((at) => open.has(at));
}

/** @returns the parts between the matches, which are one character each */
function splitAt(text: string, pattern: RegExp): string[] {
  const ends = [...topLevel(text, pattern), text.length];
  return ends.map((end, at) => text.slice(at === 0 ? 0 : (ends[at - 1] as number) + 1, end));
}
