// The options of the driver, made from what a connection string means, and the way to a server that all who connect go.
import { Socket } from 'node:net';
import postgres from 'postgres';
import {
  type ConnectionSettings,
  type Host,
  parseConnection,
  type TargetSession,
} from './connectionSettings.ts';
import { CONNECT_TIMEOUT_SECONDS, connectToHost, prepareTls } from './socket.ts';

/** A connection string, or what one means. */
export type DatabaseUrl = string | ConnectionSettings;

export const connectionSettingsOf = (address: DatabaseUrl): ConnectionSettings =>
  typeof address === 'string' ? parseConnection(address) : address;

type DriverOptions = postgres.Options<Record<string, never>>;

/**
 * @param options what is our own; the application name among it is used where the connection string has none
 * @returns what postgres.js is given. Nothing is left open that it would look up in the environment by itself.
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
    // Only names in its errors: `socket` is where it goes.
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
    // The driver does not give a connection back whose socket cannot be made: it is given one that fails.
    socket: () => open().catch(failedSocket),
  };
  return given as unknown as DriverOptions;
}

function failedSocket(error: Error): Socket {
  const socket = new Socket();
  // Once the driver listens, and before it writes.
  setImmediate(() => socket.destroy(error));
  return socket;
}

/**
 * Goes to the hosts in their order until one is what it has to be, as libpq does.
 * @throws what was wrong with the last of them
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
        // A code that means: not now. Somebody may be about to become what is looked for.
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

/** Asks the server, on a connection for this question: only who has signed in is told, and `pg` cannot ask. */
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
