// The options of the driver, made from a connection string, and the choice of the host to connect to.
import { Socket } from 'node:net';
import postgres from 'postgres';
import {
  type ConnectionSettings,
  type Host,
  parseConnection,
  type TargetSession,
} from './connectionSettings.ts';
import { CONNECT_TIMEOUT_SECONDS, connectToHost, prepareTls } from './socket.ts';

/** A connection string, or its parsed settings. */
export type DatabaseUrl = string | ConnectionSettings;

export const connectionSettingsOf = (address: DatabaseUrl): ConnectionSettings =>
  typeof address === 'string' ? parseConnection(address) : address;

type DriverOptions = postgres.Options<Record<string, never>>;

/**
 * @param options our own; their application name is used if the connection string has none
 * @returns options for postgres.js that leave nothing for it to look up in the environment
 */
export function driverOptions(address: DatabaseUrl, options: DriverOptions): DriverOptions {
  const settings = connectionSettingsOf(address);
  prepareTls(settings.tls);
  return optionsWithSocket(settings, options, () => openSocket(settings));
}

function optionsWithSocket(
  settings: ConnectionSettings,
  options: DriverOptions,
  open: () => Promise<Socket>,
): DriverOptions {
  const {
    applicationName: application_name,
    options: commandLine,
    connectTimeoutSeconds,
    keepAliveSeconds,
    prepare,
  } = settings;
  const given = {
    ...options,
    // Host and port only appear in its errors: `socket` makes the connection.
    host: [settings.hosts[0]?.name || 'localhost'],
    port: [settings.hosts[0]?.port ?? 0],
    user: settings.user,
    pass: settings.password,
    database: settings.database,
    ssl: false,
    sslnegotiation: null,
    ...(connectTimeoutSeconds !== undefined && { connect_timeout: connectTimeoutSeconds }),
    ...(keepAliveSeconds !== undefined && { keep_alive: keepAliveSeconds }),
    ...(!prepare && { prepare }),
    connection: {
      ...options.connection,
      ...(application_name && { application_name }),
      ...(commandLine && { options: commandLine }),
    },
    // The driver loses a connection whose socket cannot be made, so it gets a socket that fails.
    socket: () => open().catch(failedSocket),
  };
  return given as unknown as DriverOptions;
}

function failedSocket(error: Error): Socket {
  const socket = new Socket();
  // After the driver has added its listeners, and before it writes.
  setImmediate(() => socket.destroy(error));
  return socket;
}

/**
 * Connects to the first host, in their order, whose session is the one that is asked for, as libpq does.
 * @throws the error of the last host
 */
async function openSocket(settings: ConnectionSettings): Promise<Socket> {
  const hosts = settings.isShuffled ? settings.hosts.toSorted(() => Math.random() - 0.5) : settings.hosts;
  const targets: TargetSession[] =
    settings.targetSession === 'prefer-standby' ? ['standby', 'any'] : [settings.targetSession];
  let failure: unknown;
  for (const session of targets)
    for (const host of hosts) {
      try {
        if (session === 'any' || (await isTargetSession(session, host, settings)))
          return await connectToHost(host, settings);
        // Treated as unavailable: a host may be about to become the primary.
        failure = Object.assign(new Error(`no host is ${session}`), { code: 'CONNECTION_UNSUITABLE' });
      } catch (error) {
        failure = error;
      }
    }
  throw failure;
}

const SESSION_CONDITIONS: Readonly<Record<Exclude<TargetSession, 'any' | 'prefer-standby'>, string>> = {
  'read-write': "current_setting('transaction_read_only') = 'off'",
  'read-only': "current_setting('transaction_read_only') = 'on'",
  primary: 'not pg_is_in_recovery()',
  standby: 'pg_is_in_recovery()',
};

/** Asks the server on a connection of its own, because it answers only after authentication. */
async function isTargetSession(
  session: TargetSession,
  host: Host,
  settings: ConnectionSettings,
): Promise<boolean> {
  const options = {
    max: 1,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    connection: { application_name: 'stepwise' },
  };
  const client = postgres(optionsWithSocket(settings, options, () => connectToHost(host, settings)));
  try {
    const [row] = await client.unsafe<{ is: boolean }[]>(
      `select ${SESSION_CONDITIONS[session as keyof typeof SESSION_CONDITIONS]} as is`,
    );
    return row?.is === true;
  } finally {
    await client.end({ timeout: 1 });
  }
}
