// Work on a connection of its own: migrations, imports, scripts.
import type postgres from 'postgres';
import type { Database } from '../database.ts';
import { type ConnectionOptions, connect, databaseOnConnection } from './connection.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { DRIVER_OPTIONS } from './pools.ts';
import {
  completeSettings,
  memoizedProbe,
  type ServerInfo,
  SettingError,
  type Settings,
  sessionOptions,
  setSettings,
} from './session.ts';
import { READ_ONLY, READ_WRITE, retryUntilBegun } from './transactionPools.ts';

/** The name of a connection and the settings of its session. */
export interface ConnectionPurpose {
  /** `application_name`: what PostgreSQL shows of the connection. */
  readonly name: string;
  readonly settings: Settings;
  /** Whether the transaction only reads; a standby allows no other. */
  readonly isReadOnly?: boolean;
}

/** Citus refuses to change a table that others refer to behind statements that ran on several connections of a node. */
const SEQUENTIAL: Settings = { 'citus.multi_shard_modify_mode': 'sequential' };

/** Runs `job` in one transaction on a connection of its own, with no timeouts but those of `settings`. */
export async function runInTransaction<T>(
  url: DatabaseUrl,
  probe: () => Promise<ServerInfo>,
  { name, settings: given, isReadOnly = false }: ConnectionPurpose,
  job: (tx: Database) => Promise<T>,
): Promise<T> {
  const server = await probe();
  const settings = server.isDistributed ? { ...given, ...SEQUENTIAL } : given;
  return onOwnConnection(url, server, { name, settings }, (client) =>
    retryUntilBegun((begun) =>
      client.begin(isReadOnly ? READ_ONLY : READ_WRITE, async (tx) => {
        if (server.pooler === 'transaction')
          await tx.unsafe(setSettings(completeSettings(settings, server), 'transaction'));
        begun();
        return job(
          databaseOnConnection(tx, { prepare: server.keepsPrepared, isDistributed: server.isDistributed }),
        );
      }),
    ),
  ) as Promise<T>;
}

/** Runs `job` on a connection of its own, in one session. @throws SettingError behind a pooler in transaction mode */
export async function withConnection<T>(
  url: DatabaseUrl,
  purpose: ConnectionPurpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const server = await memoizedProbe(url)();
  if (server.pooler === 'transaction')
    throw new SettingError(
      'this takes more than one transaction in the same session: give it the URL of PostgreSQL itself, not that of a pooler',
    );
  return onOwnConnection(url, server, purpose, job);
}

async function onOwnConnection<T>(
  url: DatabaseUrl,
  server: ServerInfo,
  { name, settings }: ConnectionPurpose,
  job: (client: postgres.Sql) => Promise<T>,
): Promise<T> {
  const session = sessionOptions(server, name, settings);
  const lasting = {
    max: 1,
    prepare: server.keepsPrepared,
    query_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: true,
  };
  const client = connect(url, { ...DRIVER_OPTIONS, ...session, ...lasting } as ConnectionOptions);
  try {
    return await job(client);
  } finally {
    await client.end({ timeout: 5 });
  }
}
