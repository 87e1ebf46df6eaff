// What the driver with patches/postgres-lazy-rows.patch makes of bytes: it reads rows where they lie, and numbers without a string of them.
import { Socket } from 'node:net';
import postgres from 'postgres';
import { expect, onTestFinished, test, vi } from 'vitest';
import { connect } from '../../src/db/postgres/connection.ts';

const url = process.env.TEST_DATABASE_URL as string;

function open(options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice: () => {}, ...options });
  onTestFinished(() => sql.end());
  return sql;
}

test('values come as PostgreSQL has them', async () => {
  const sql = open();
  const numbers = ['0', '7', '-1', '2147483647', '-2147483648'];
  for (const prepare of [true, false])
    for (const number of numbers) {
      const [row] = await sql.unsafe(`select '${number}'::int4 as int4, '${number}'::float8 as float8`, [], {
        prepare,
      });
      expect(row).toEqual({ int4: Number(number), float8: Number(number) });
    }
  expect(await sql`select '-32768'::int2 as least, 32767::int2 as most, 4294967295::oid as oid`).toEqual([
    { least: -32768, most: 32767, oid: 4294967295 },
  ]);
  const floats = [
    '0.1',
    '-2.5',
    '1e21',
    '-1.5e-300',
    '123456789012345',
    '1234567890123456',
    '-123456789012345678',
    'NaN',
    'Infinity',
    '-Infinity',
  ];
  for (const float of floats)
    expect((await sql`select ${float}::text::float8 as it`)[0]?.it, float).toBe(Number(float));
  expect((await sql`select '-0'::float8 as it`)[0]?.it).toBe(-0);
  expect((await sql`select 16777216::float4 as four, 0.5::float4 as half`)[0]).toEqual({
    four: 16777216,
    half: 0.5,
  });
  // What a number cannot hold comes as text.
  expect(await sql`select 9007199254740993::int8 as int8, 1.10::numeric as numeric`).toEqual([
    { int8: '9007199254740993', numeric: '1.10' },
  ]);
  expect(await sql`select true as yes, false as no, null::boolean as neither, null::int as nothing`).toEqual([
    { yes: true, no: false, neither: null, nothing: null },
  ]);
  expect(
    await sql`select '' as empty, 'ä€😀' as wide, array[1, -2] as ints, array['a', 'b'] as texts`,
  ).toEqual([{ empty: '', wide: 'ä€😀', ints: [1, -2], texts: ['a', 'b'] }]);
  expect(
    await sql`select '{"a": [1]}'::json as json, '\\x00ff'::bytea as bytes, timestamptz '2026-02-03 04:05:06Z' as time`,
  ).toEqual([{ json: { a: [1] }, bytes: Buffer.from([0, 255]), time: new Date('2026-02-03T04:05:06Z') }]);
  const raw = await sql`select 1 as one, true as yes, 'ä' as text, null as nothing`.raw();
  expect(raw[0]).toEqual([Buffer.from('1'), Buffer.from('t'), Buffer.from('ä'), null]);
  expect((await sql`select 1 as one, true as yes, 'ä' as text`.values())[0]).toEqual([1, true, 'ä']);
});

test('#652 rows are read where they lie: a thousand of them take fewer views of memory than a hundred', async () => {
  const sql = open();
  const read = () => sql`select n, 'text' as text from generate_series(1, 1000) n`;
  // What is prepared first takes views of its own.
  await read();
  const subarray = vi.spyOn(Buffer.prototype, 'subarray');
  onTestFinished(() => subarray.mockRestore());
  const rows = await read();
  const views = subarray.mock.calls.length;
  expect(rows.at(-1)).toEqual({ n: 1000, text: 'text' });
  expect(views).toBeLessThan(100);
});

test('#826 ids are read without a text of each: a thousand rows take fewer texts than a hundred', async () => {
  const sql = connect(url, { max: 1 });
  onTestFinished(() => sql.end());
  const read = () =>
    sql`select n::bigint as id, -n::bigint as below from generate_series(9007199254739992, 9007199254740991) n`;
  await read();
  const texts = vi.spyOn(Buffer.prototype, 'toString');
  onTestFinished(() => texts.mockRestore());
  const rows = await read();
  const made = texts.mock.calls.length;
  expect(rows).toHaveLength(1000);
  expect(rows.at(-1)).toEqual({ id: 2 ** 53 - 1, below: 1 - 2 ** 53 });
  expect(made).toBeLessThan(100);
});

test('an answer says how many rows it is about, and what was done', async () => {
  const sql = open();
  await sql`create temp table things (id int)`;
  const inserted = await sql`insert into things select generate_series(1, 3) returning id`;
  expect(inserted).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  expect([inserted.count, inserted.command, inserted.columns.map(({ name }) => name)]).toEqual([
    3,
    'INSERT',
    ['id'],
  ]);
  expect(Object.keys(inserted)).toEqual(['0', '1', '2']);
  const none = await sql`delete from things where id > 3`;
  expect([none.count, none.command, none.length]).toEqual([0, 'DELETE', 0]);
});

/** A connection whose bytes come in pieces of so many, wherever a message begins or ends. */
class InPieces extends Socket {
  readonly #sizes: readonly number[];

  constructor(sizes: readonly number[]) {
    super();
    this.#sizes = sizes;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event !== 'data') return super.emit(event, ...values);
    const bytes = values[0] as Buffer;
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = this.#sizes[turn % this.#sizes.length] as number;
      super.emit('data', bytes.subarray(at, at + size));
      at += size;
    }
    return true;
  }
}

test.each([[[1]], [[2]], [[3, 1, 7]], [[4]], [[5]], [[6, 5, 1]], [[64, 3]], [[1000]], [[4099, 1]]])(
  'rows that come in pieces of %o bytes are the same, and each query gets its own',
  async (sizes) => {
    const { hostname, port } = new URL(url);
    const socket = () => new InPieces(sizes).connect(Number(port || 5432), hostname);
    // The driver's types do not know the option.
    const sql = open({ socket } as postgres.Options<Record<string, never>>);
    const rowsOf = (query: number) =>
      sql`select n, -n * ${query}::int as product, repeat('ä', n % 40) as text, n % 2 = 0 as even, null as nothing from generate_series(1, ${200 + query}::int) n`;
    const expected = (query: number) =>
      Array.from({ length: 200 + query }, (_, index) => {
        const n = index + 1;
        return { n, product: -n * query, text: 'ä'.repeat(n % 40), even: n % 2 === 0, nothing: null };
      });
    const queries = [1, 2, 3, 4, 5];
    const failing = sql`select 1 / (n - 100) from generate_series(1, 200) n`.catch(({ message }) => message);
    expect(await Promise.all([failing, ...queries.map(rowsOf)])).toEqual([
      'division by zero',
      ...queries.map(expected),
    ]);
  },
);
