// `pnpm db:distribute` on a PostgreSQL that is no cluster (server/test/citus/ has the others).
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { migratePostgres } from '../../src/db/postgres/migrate.ts';
import { runProgram } from '../programs.ts';
import { createDatabase, statementsIn } from '../testDatabases.ts';

const distribute = (env: Record<string, string>) => runProgram('distribute.ts', tmpdir(), env);

test('#788 without the extension it is refused with what to do, and changes nothing', async () => {
  const { url, drop } = await createDatabase(process.env.TEST_DATABASE_URL as string);
  try {
    await migratePostgres(url);
    const triggers = () =>
      statementsIn(url, 'select tgname from pg_trigger where not tgisinternal order by 1');
    const before = await triggers();
    expect(before.length).toBeGreaterThan(2);
    expect(await distribute({ DATABASE_URL: url })).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^stepwise: the database lacks the extension citus: .* run "create extension citus" in this database \(docs\/operations\/distributed\.md\)\n$/,
      ),
    });
    expect(await triggers()).toEqual(before);
    expect(await distribute({})).toEqual({
      code: 1,
      stdout: '',
      stderr: 'stepwise: DATABASE_URL: required, it names the coordinator of a Citus cluster\n',
    });
  } finally {
    await drop();
  }
});
