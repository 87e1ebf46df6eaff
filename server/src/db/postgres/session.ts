// The settings of a session that answers depend on, whatever its role or database has set. They are set with the startup
// message, after it behind a pooler in session mode, which takes no such parameters, and in each transaction behind a pooler
// in transaction mode.
import type postgres from 'postgres';
import { OperatorError } from '../../operatorError.ts';
import { databaseCode } from '../errors.ts';
import { connect } from './connection.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { SET_PROBE_TIMEOUT, withProbeTimeout } from './sessionState.ts';

/** Thrown when only an operator can make the database usable; the message says how. */
export class SettingError extends OperatorError {
  override name = 'SettingError';
}

/** Names and values of settings, as `current_setting` answers them. Undefined leaves a setting as the role has it. */
export type Settings = Readonly<Record<string, string | undefined>>;

// default_transaction_read_only is the operator's decision, so it is not among them.
const SETTINGS: Settings = {
  search_path: 'public',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  row_security: 'on',
  exit_on_error: 'off',
  default_transaction_isolation: 'read committed',
  // Answers do not depend on this one. The statements are written so that one plan serves all values; without it each
  // session plans each statement five times before it keeps a plan (10 to 30 ms a time for the largest).
  plan_cache_mode: 'force_generic_plan',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
};

/** Required values that no session can set, or only that of a superuser. */
const REQUIRED: Readonly<Record<string, { readonly value: string; readonly remedy: string }>> = {
  server_encoding: {
    value: 'UTF8',
    remedy: "make the database anew, with: create database … encoding 'UTF8' template template0",
  },
  session_replication_role: {
    value: 'origin',
    remedy: 'with another one no trigger and no foreign key works',
  },
};

/** What a probe found out about the server and a pooler in between. */
export interface ServerInfo {
  /** `transaction`: each transaction may get another session. */
  readonly pooler: 'none' | 'session' | 'transaction';
  /** Whether statements may be prepared; older poolers in transaction mode mix them up. */
  readonly keepsPrepared: boolean;
  /** `server_version_num` */
  readonly version: number;
  /** Whether the tables are distributed by the user (distribute.ts). Undefined: they are not. */
  readonly isDistributed?: boolean;
}

/** @returns these settings, completed by those that all sessions have */
export function completeSettings(
  settings: Settings,
  { version, isDistributed = false }: Pick<ServerInfo, 'version' | 'isDistributed'>,
): Readonly<Record<string, string>> {
  const all = {
    ...SETTINGS,
    // One plan for all values leaves Citus without the value that names the node. Without such a plan each run of a large
    // statement would compile it, for seconds.
    ...(isDistributed && { plan_cache_mode: 'auto', jit: 'off' }),
    ...(version >= 170_000 && { transaction_timeout: '0' }),
    ...settings,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** @returns statements that set them: statement_timeout first, because the role's may be too short for the rest */
export function setSettings(
  settings: Readonly<Record<string, string>>,
  scope: 'session' | 'transaction',
): string {
  const isLocal = scope === 'transaction';
  const { statement_timeout, ...rest } = settings;
  const each = Object.entries(rest).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${isLocal})`,
  );
  return `set ${isLocal ? 'local ' : ''}statement_timeout = '${statement_timeout}'; select ${each.join(', ')}`;
}

const selectSettings = (names: readonly string[]): string =>
  [
    'pg_catalog.pg_backend_pid() as pid',
    ...names.map((name) => `pg_catalog.current_setting('${name}') as "${name}"`),
  ].join(', ');

/** The process id that the server announced when the connection of this answer began. */
const backendPid = (answer: readonly object[]): number => {
  const last = answer.at(-1);
  return ((Array.isArray(last) ? last : answer) as unknown as { state: { pid: number } }).state.pid;
};

/** @returns the last row of an answer, which is one result or a list of results */
function lastRow(answer: readonly object[]): Record<string, unknown> {
  const last = answer.at(-1) ?? {};
  return (Array.isArray(last) ? last.at(-1) : last) as Record<string, unknown>;
}

/** @throws SettingError if the database must not be used */
function checkSettings(row: Record<string, unknown>, settings: Settings = {}): void {
  for (const [name, { value, remedy }] of Object.entries(REQUIRED))
    if (row[name] !== value)
      throw new SettingError(`the database has ${name} ${row[name]}, and must have ${value}: ${remedy}`);
  for (const [name, value] of Object.entries(settings))
    if (row[name] !== value)
      throw new SettingError(
        `the database has ${name} '${row[name]}' though '${value}' was asked for: what stands between Stepwise and PostgreSQL has to hand it on`,
      );
}

/**
 * The driver's options for sessions with these settings. A connection without them is never used.
 * @param onUnusable called if a connection shows that the database must not be used any more
 */
export function sessionOptions(
  server: ServerInfo,
  name: string,
  settings: Settings,
  onUnusable: (error: SettingError) => void = () => {},
) {
  const expected = completeSettings(settings, server);
  const isDirect = server.pooler === 'none';
  const names = Object.keys(REQUIRED);
  const text = {
    none: `select ${selectSettings([...names, ...Object.keys(expected)])}`,
    session: `${setSettings(expected, 'session')}; select ${selectSettings([...names, ...Object.keys(expected)])}`,
    transaction: withProbeTimeout(`select ${selectSettings(names)}`),
  }[server.pooler];
  return {
    connection: { application_name: name, ...(isDirect && expected) },
    greeting: {
      text,
      refuse(answer: readonly object[], pid: number): Error | undefined {
        try {
          const row = lastRow(answer);
          if (isDirect && row.pid !== pid)
            throw new SettingError(
              'the database is behind a pooler now, and was not when Stepwise started: start it again',
            );
          checkSettings(row, server.pooler === 'transaction' ? {} : expected);
        } catch (error) {
          onUnusable(error as SettingError);
          return error as Error;
        }
      },
    },
  };
}

/** Attempts under a role's very short statement_timeout. */
const MAX_ATTEMPTS = 10;

/** Finds out what the server is and whether a pooler is in between. @throws SettingError if the database must not be used */
export async function probeServer(url: DatabaseUrl): Promise<ServerInfo> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await probeNow(url);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || databaseCode(error) !== '57014') throw error;
    }
  }
}

async function probeNow(url: DatabaseUrl): Promise<ServerInfo> {
  const first = connectPlain(url);
  try {
    const answer = await first.unsafe(
      withProbeTimeout(
        `select ${selectSettings(['server_version_num', ...Object.keys(REQUIRED)])}, pg_catalog.to_regclass('pg_catalog.pg_dist_partition') is not null as is_cluster`,
      ),
    );
    const row = lastRow(answer);
    checkSettings(row);
    const server = {
      version: Number(row.server_version_num),
      ...(row.is_cluster === true && { isDistributed: await isDistributed(first) }),
    };
    // PostgreSQL announces the id of its process; a pooler cannot announce that of a later session.
    if (row.pid === backendPid(answer)) return { pooler: 'none', keepsPrepared: true, ...server };
    await checkTransactions(first);
    if (!(await sharesSessions(first, url))) return { pooler: 'session', keepsPrepared: true, ...server };
    return { pooler: 'transaction', keepsPrepared: await renamesStatements(first), ...server };
  } catch (error) {
    throw poolerRefusal(error) ?? error;
  } finally {
    await first.end({ timeout: 1 });
  }
}

/** @returns whether `users` is a distributed table */
async function isDistributed(client: postgres.Sql): Promise<boolean> {
  const answer = await client.unsafe(
    withProbeTimeout(
      "select exists (select from pg_catalog.pg_dist_partition where logicalrelid = pg_catalog.to_regclass('public.users')) as found",
    ),
  );
  return lastRow(answer).found === true;
}

/** @returns a probe whose result is kept; a failed one is repeated by the next call */
export function memoizedProbe(url: DatabaseUrl): () => Promise<ServerInfo> {
  let known: Promise<ServerInfo> | undefined;
  return () => {
    known ??= probeServer(url).catch((error) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

/** A connection without parameters that a pooler could refuse. */
const connectPlain = (url: DatabaseUrl): postgres.Sql =>
  connect(url, {
    max: 1,
    connect_timeout: 2,
    acquire_timeout: 3,
    query_timeout: 4.5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: 'stepwise' },
  });

/** @throws SettingError if the pooler closes the connection at each transaction (pool_mode = statement) */
async function checkTransactions(client: postgres.Sql): Promise<void> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    await client.unsafe(withProbeTimeout('select 1'));
    try {
      await client.begin((tx) => tx.unsafe(SET_PROBE_TIMEOUT));
      return;
    } catch (error) {
      if (!['08P01', 'CONNECTION_CLOSED'].includes(databaseCode(error) ?? '')) throw error;
    }
  }
  throw new SettingError(
    'the pooler allows no transactions (pool_mode = statement): set pool_mode to transaction or session',
  );
}

/** The irregular order in which two connections ask, so that a round-robin pooler is detected too. */
const PROBE_ORDER = 'BAABABBAABAABBBA';

/** @returns whether two connections got the same session, or one of them several */
async function sharesSessions(first: postgres.Sql, url: DatabaseUrl): Promise<boolean> {
  const second = connectPlain(url);
  const seen = { A: new Set<number>(), B: new Set<number>() };
  try {
    for (const who of `A${PROBE_ORDER}`) {
      const { [who as 'A']: own, [who === 'A' ? 'B' : 'A']: other } = seen;
      const { pid } = lastRow(
        await (who === 'A' ? first : second).unsafe(withProbeTimeout(`select ${selectSettings([])}`)),
      ) as { pid: number };
      if (other.has(pid) || own.add(pid).size > 1) return true;
    }
    return false;
  } finally {
    await second.end({ timeout: 1 });
  }
}

/** @returns whether the pooler renames prepared statements, as it must if sessions are shared */
async function renamesStatements(client: postgres.Sql): Promise<boolean> {
  return (await client.begin(async (tx) => {
    await tx.unsafe(SET_PROBE_TIMEOUT);
    const { statement } = await tx.unsafe('select $1::int as probe', [1], { prepare: true });
    const { name } = statement as unknown as { name: string };
    const [found] = await tx.unsafe('select from pg_catalog.pg_prepared_statements where name = $1', [name]);
    // The next user of this session must not find it.
    if (found) await tx.unsafe(`deallocate "${name}"`);
    return found === undefined;
  })) as boolean;
}

/** PgBouncer's messages for errors that a retry does not change; they name parameters, databases and users. */
const PERMANENT_REFUSALS =
  /no such (database|user)|unsupported startup parameter|invalid server parameter|config error/i;

/** @returns the error for the operator if a pooler refuses the connection permanently */
function poolerRefusal(error: unknown): SettingError | undefined {
  const { code, message } = error as { code?: string; message: string };
  if (code !== '08P01' || !PERMANENT_REFUSALS.test(message)) return undefined;
  const parameter = /unsupported startup parameter: (\w+)/i.exec(message)?.[1];
  return new SettingError(
    parameter === undefined
      ? `the pooler refuses the connection: ${message}; check its URL (DATABASE_URL)`
      : `the pooler does not take ${parameter}: leave it out of DATABASE_URL, or add it to the pooler's ignore_startup_parameters`,
  );
}
