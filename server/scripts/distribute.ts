// pnpm db:distribute: makes the tables of DATABASE_URL, the coordinator of a Citus cluster, distributed and reference tables. It
// can be run again, and completes what was cut off. With SERVER_DATABASE_URL it also revokes the rights of that role to change
// what is append-only.
import { ConfigError, loadConfig, readEnvironment } from '../src/config.ts';
import { distributePostgres } from '../src/db/postgres/distribute.ts';
import { prepareServerRole } from '../src/db/postgres/serverRole.ts';
import { runScript } from './run.ts';

await runScript(async () => {
  const { databaseUrl, serverDatabaseUrl } = loadConfig(readEnvironment(), 'script');
  if (databaseUrl === undefined)
    throw new ConfigError('DATABASE_URL: required, it names the coordinator of a Citus cluster');
  const isNew = await distributePostgres(databaseUrl, (line) => console.log(line));
  console.log(isNew ? 'the tables are distributed' : 'nothing was to do: the tables are distributed already');
  if (serverDatabaseUrl === undefined)
    console.log(
      'facts and the audit trail can be changed by the owner of the tables: SERVER_DATABASE_URL makes a role for the servers that cannot',
    );
  else {
    await prepareServerRole(databaseUrl, serverDatabaseUrl);
    console.log(`facts and the audit trail can be read and added to by the role ${serverDatabaseUrl.user}`);
  }
});
