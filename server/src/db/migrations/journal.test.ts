// What migrations may do: a server of the version before goes on while they are applied, and after (docs/reference/checks.md, #198).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MIGRATIONS_FOLDER, readJournal } from './journal.ts';
import { POST_DEPLOYMENT } from './version.ts';

/** Migrations from before the first rollout: nothing ran beside them. */
const BEFORE = ['0000_start', '0001_sessions'];

/** @returns the columns that an expression names, which is written as `"table"."column"` or `"column"` */
const names = (expression = '') =>
  [...expression.matchAll(/(?:"\w+"\.)?"(\w+)"/g)].map(([, column]) => column);

const statementsOf = (migration: string) =>
  migration.split('--> statement-breakpoint').map((statement) => statement.trim());

/** @returns table and columns of an index that is not unique and has all rows, as one text: `"facts" ("user_id","date"` */
function leadingColumns(statements: readonly string[], index: string): string | undefined {
  const made = statements.find((statement) =>
    statement.toLowerCase().startsWith(`create index "${index}" on `),
  );
  const [, table, columns] = /on ("\w+") using btree \(([^)]*)\);?$/i.exec(made ?? '') ?? [];
  return columns === undefined ? undefined : `${table} (${columns}`;
}

/** The columns that a migration adds, as `table.column`. */
const addedColumns = (statements: readonly string[]) =>
  new Set(
    statements.flatMap((statement) => {
      const [, table, column] = /^alter table "(\w+)" add column "(\w+)"/i.exec(statement) ?? [];
      return column === undefined ? [] : `${table}.${column}`;
    }),
  );

/**
 * The columns that no row lacks that an older version writes, as `table.column`: they are empty until a trigger fills them,
 * which was made after them.
 */
const filledColumns = (statements: readonly string[]) =>
  new Set(
    statements.flatMap((statement) => {
      const [, table, column, fills] =
        /^create trigger "\w+" before insert on "(\w+)" for each row when \(new\.(\w+) is null\) execute function "(\w+)"\(\);?$/i.exec(
          statement,
        ) ?? [];
      const body = statements.find((one) => one.toLowerCase().startsWith(`create function "${fills}"()`));
      return new RegExp(`NEW\\.${column} := \\(`, 'i').test(body ?? '') ? `${table}.${column}` : [];
    }),
  );

/** @returns the text of a function as it is once its inserts leave alone what is there already; undefined: it has none */
function withoutConflicts(statement: string, statements: readonly string[]): string | undefined {
  const [, name, rest] = /^create or replace (function "\w+"\(\))([\s\S]*)$/i.exec(statement) ?? [];
  const before = statements.findLast((one) => one.toLowerCase().startsWith(`create ${name?.toLowerCase()}`));
  const plain = rest?.replace(/ on conflict do nothing(?=;)/gi, '');
  return before !== undefined && before === `CREATE ${name?.replace('function', 'FUNCTION')}${plain}`
    ? rest
    : undefined;
}

/**
 * @param earlier the migrations before it
 * @returns the statements that an older version could stumble over
 */
function stumblingBlocks(migration: string, earlier = ''): string[] {
  const statements = statementsOf(migration);
  const own = new Set(statements.flatMap((statement) => /^create table "(\w+)"/i.exec(statement)?.[1] ?? []));
  const added = addedColumns(statements);
  const before = statementsOf(earlier);
  const addedBefore = addedColumns(before);
  const filled = filledColumns(before);
  return statements.filter((statement) => {
    if (/^(create (table|index|function|trigger)|insert into) /i.test(statement)) return false;
    // A function that does the same, but where its row is there already, which was an error.
    if (withoutConflicts(statement, before) !== undefined) return false;
    // An index in whose place there is another by now, which begins with the same columns.
    const dropped = /^drop index "(\w+)";?$/i.exec(statement)?.[1];
    const columns = dropped === undefined ? undefined : leadingColumns(before, dropped);
    if (
      columns !== undefined &&
      statements
        .slice(0, statements.indexOf(statement))
        .some((one) =>
          leadingColumns([one], /^create index "(\w+)"/i.exec(one)?.[1] ?? '')?.startsWith(columns),
        )
    )
      return false;
    // A rule for columns that this migration adds: the older version writes none of them. Without a look at the rows,
    // which would keep the table locked.
    const rule = /^alter table "(\w+)" add constraint "\w+" check \((.*)\) not valid;?$/i.exec(statement);
    const key = /^create unique index "\w+" on "(\w+)" using btree \((.*)\);?$/i.exec(statement);
    if (rule && names(rule[2]).every((column) => added.has(`${rule[1]}.${column}`))) return false;
    // One that an earlier migration has added is not null in what the older version writes since, as a trigger fills it.
    const held = rule && /^"(\w+)" is not null$/i.exec(rule[2] as string)?.[1];
    if (held && addedBefore.has(`${rule[1]}.${held}`) && filled.has(`${rule[1]}.${held}`)) return false;
    if (key && names(key[2]).every((column) => added.has(`${key[1]}.${column}`))) return false;
    // Rows in which such a column is null are in no such index, and refer to nothing.
    const partial =
      /^create unique index "\w+" on "(\w+)" using btree \(.*\) where "?(\w+)"? is not null;?$/i.exec(
        statement,
      );
    const reference =
      /^alter table "(\w+)" add constraint "\w+" foreign key \((.*?)\) references .* not valid;?$/i.exec(
        statement,
      );
    if (partial && added.has(`${partial[1]}.${partial[2]}`)) return false;
    if (reference && names(reference[2]).some((column) => added.has(`${reference[1]}.${column}`)))
      return false;
    // Nothing that was written before is refused, and nothing that the older version leaves out is asked for.
    if (/^alter table "\w+" add column /i.test(statement))
      return / not null/i.test(statement) && !/ default /i.test(statement);
    const [, table = ''] = /^(?:alter table|create unique index "\w+" on) "(\w+)"/i.exec(statement) ?? [];
    return !own.has(table);
  });
}

test('#198 each migration only adds, so that the version before it goes on', async () => {
  const { entries } = JSON.parse(await readJournal()) as { entries: { tag: string }[] };
  const tags = entries.map(({ tag }) => tag);
  // A list that names nothing that there is would hide a mistake.
  expect(tags).toEqual(expect.arrayContaining([...BEFORE, ...POST_DEPLOYMENT]));
  let earlier = '';
  for (const tag of tags) {
    const migration = await readFile(join(MIGRATIONS_FOLDER, `${tag}.sql`), 'utf8');
    // Those are applied once no server of the version before runs.
    if (!BEFORE.includes(tag) && !POST_DEPLOYMENT.has(tag))
      expect(stumblingBlocks(migration, earlier), tag).toEqual([]);
    earlier += `${migration}--> statement-breakpoint\n`;
  }
});

test.each([
  'ALTER TABLE "users" DROP COLUMN "login";',
  'ALTER TABLE "users" RENAME COLUMN "login" TO "name";',
  'ALTER TABLE "users" ADD COLUMN "asked_for" integer NOT NULL;',
  'ALTER TABLE "users" ALTER COLUMN "login" SET NOT NULL;',
  'ALTER TABLE "users" ALTER COLUMN "login" SET DATA TYPE integer;',
  'ALTER TABLE "users" ADD CONSTRAINT "short" CHECK (length(login) < 9);',
  'CREATE UNIQUE INDEX "one_each" ON "outer_tasks" ("title");',
  'ALTER TABLE "users" ADD COLUMN "a" text;--> statement-breakpoint\nALTER TABLE "users" ADD CONSTRAINT "short" CHECK ("users"."login" <> "users"."a") NOT VALID;',
  'ALTER TABLE "users" ADD COLUMN "a" text;--> statement-breakpoint\nALTER TABLE "users" ADD CONSTRAINT "short" CHECK ("users"."a" <> \'\');',
  'ALTER TABLE "users" ADD COLUMN "a" text;--> statement-breakpoint\nCREATE UNIQUE INDEX "both" ON "users" USING btree ("a","login");',
  'CREATE UNIQUE INDEX "a" ON "users" USING btree ("login") WHERE login is not null;',
  'ALTER TABLE "users" ADD COLUMN "a" integer;--> statement-breakpoint\nALTER TABLE "users" ADD CONSTRAINT "of" FOREIGN KEY ("a") REFERENCES "public"."users"("id") ON DELETE cascade;',
  'ALTER TABLE "users" ADD CONSTRAINT "of" FOREIGN KEY ("login") REFERENCES "public"."users"("login") NOT VALID;',
  'DROP TABLE "users";',
  'UPDATE "users" SET "login" = lower("login");',
  'CREATE TABLE "new" ("id" integer);--> statement-breakpoint\nDROP INDEX "users_login";',
  'DROP INDEX "by_a";',
  'DROP INDEX "by_a";--> statement-breakpoint\nCREATE INDEX "by_a_b" ON "users" USING btree ("a","b");',
  'CREATE INDEX "by_b_a" ON "users" USING btree ("b","a");--> statement-breakpoint\nDROP INDEX "by_a";',
  'CREATE INDEX "by_a_b" ON "facts" USING btree ("a","b");--> statement-breakpoint\nDROP INDEX "by_a";',
])('what does more than add is found: %s', (migration) => {
  expect(stumblingBlocks(migration, 'CREATE INDEX "by_a" ON "users" USING btree ("a");')).toHaveLength(1);
});

const FILLED = [
  'ALTER TABLE "users" ADD COLUMN "a" integer;',
  'CREATE FUNCTION "users_a"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := (SELECT 1); RETURN NEW; END $$;',
  'CREATE TRIGGER "users_a" BEFORE INSERT ON "users" FOR EACH ROW WHEN (NEW.a IS NULL) EXECUTE FUNCTION "users_a"();',
  'CREATE FUNCTION "counts"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO c VALUES (1); RETURN NULL; END $$;',
];
const HELD = 'ALTER TABLE "users" ADD CONSTRAINT "known" CHECK ("a" is not null) NOT VALID;';
const REPLACED =
  'CREATE OR REPLACE FUNCTION "counts"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO c VALUES (1) ON CONFLICT DO NOTHING; RETURN NULL; END $$;';

test('#769 a column that triggers fill may be held to be filled, and a function may leave alone what is there', () => {
  const earlier = (statements: string[]) => statements.join('--> statement-breakpoint\n');
  for (const statement of [HELD, REPLACED])
    expect(stumblingBlocks(statement, earlier(FILLED)), statement).toEqual([]);
  // Without the column, without what fills it, or with more than that, it is not so.
  for (const [statement, statements] of [
    [HELD, FILLED.slice(1)],
    [HELD, FILLED.toSpliced(1, 1)],
    [HELD, FILLED.toSpliced(2, 1)],
    [HELD.replace('not null', 'not null and login is not null'), FILLED],
    [HELD.replace(' NOT VALID', ''), FILLED],
    [HELD.replaceAll('"a"', '"login"'), FILLED],
    [REPLACED, FILLED.slice(0, 3)],
    [REPLACED.replace('VALUES (1)', 'VALUES (2)'), FILLED],
    [REPLACED.replace(' ON CONFLICT DO NOTHING', ''), FILLED.slice(0, 3)],
  ] as const)
    expect(stumblingBlocks(statement, earlier([...statements])), statement).toHaveLength(1);
});
