// What statements declare of their rows is what both engines say of them. Statements are prepared, not run.
import type { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, describe, expect, test } from 'vitest';
import { statements } from '../src/db/statement.ts';
import '../src/dayRecord/rebuild.ts';
import '../src/features/auth/operators/queries.ts';
import '../src/jobs/registry.ts';
import '../src/router.ts';
import { borrowDatabase } from './databasePool.ts';
import { openTestDatabase } from './harness.ts';
import { type ColumnDescription, checkDeclaration } from './rowDeclarations.ts';

/** What the protocol says of a column: the table and the place in it are 0 for an expression. */
interface Field {
  readonly name: string;
  readonly type: number;
  readonly table: number;
  readonly number: number;
}

const engines: Record<string, () => Promise<Engine>> = { embedded: openEmbedded };
if (process.env.TEST_DATABASE_URL !== undefined) engines.PostgreSQL = openPostgreSql;

interface Engine {
  describe(text: string): Promise<readonly Field[]>;
  query<Row>(text: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

async function openPostgreSql(): Promise<Engine> {
  const database = await openTestDatabase();
  const client = postgres(database.url as string, { max: 1 });
  return {
    async describe(text) {
      const { columns } = await client.unsafe(text).describe();
      return columns as unknown as Field[];
    },
    query: async <Row>(text: string) => (await client.unsafe(text)) as unknown as Row[],
    async close() {
      await client.end();
      await database.close();
    },
  };
}

async function openEmbedded(): Promise<Engine> {
  const database = await borrowDatabase();
  const client = database.client as PGlite;
  return {
    describe: (text) => describeOn(client, text),
    query: async <Row>(text: string) => database.db.execute<Row>(sql.raw(text) as never),
    close: () => database.close(),
  };
}

/** `describeQuery` of the engine leaves out from which column of which table a field is. */
async function describeOn(client: PGlite, text: string): Promise<Field[]> {
  const send = async (kind: string, body: string) => {
    const message = Buffer.from(`${kind}\0\0\0\0${body}`);
    message.writeInt32BE(message.length - 1, 1);
    return (await client.execProtocol(message, { throwOnError: true })).messages;
  };
  await send('P', `\0${text}\0\0\0`);
  const messages = await send('D', 'S\0').finally(() => send('S', ''));
  const description = messages.find(({ name }) => name === 'rowDescription');
  const { fields = [] } = (description ?? {}) as {
    fields?: { name: string; dataTypeID: number; tableID: number; columnID: number }[];
  };
  return fields.map(({ name, dataTypeID: type, tableID: table, columnID: number }) => ({
    name,
    type,
    table,
    number,
  }));
}

describe.each(Object.entries(engines))('on %s', async (_, open) => {
  const engine = await open();
  afterAll(() => engine.close());
  const types = new Map(
    (
      await engine.query<{ id: number; name: string }>(
        'select oid::int as id, format_type(oid, null) as name from pg_type where oid < 100000000',
      )
    ).map(({ id, name }) => [id, name]),
  );
  const notNull = new Set(
    (
      await engine.query<{ column: string }>(
        `select attrelid || '.' || attnum as column from pg_attribute where attnotnull and attnum > 0`,
      )
    ).map(({ column }) => column),
  );

  test.each([...statements()])('#530 the rows of %s are as declared', async (_, statement) => {
    const { text } = statement.compiled();
    const fields = await engine.describe(text);
    const described = fields.map(
      ({ name, type, table, number }): ColumnDescription => ({
        name,
        type: types.get(type) ?? String(type),
        isNullable: table === 0 ? undefined : !notNull.has(`${table}.${number}`),
      }),
    );
    expect(checkDeclaration(statement.rows, described, text)).toEqual([]);
  });
});
