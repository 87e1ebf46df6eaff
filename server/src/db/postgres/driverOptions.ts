// The options of the driver, made from a connection string.
import { Socket } from 'node:net';
import type postgres from 'postgres';
import { type ConnectionSettings, parseConnection } from './connectionSettings.ts';
import { prepareTls } from './socket.ts';

/** A connection string, or its parsed settings. */
export type DatabaseUrl = string | ConnectionSettings;

export const connectionSettingsOf = (address: DatabaseUrl): ConnectionSettings =>
  typeof address === 'string' ? parseConnection(address) : address;

type DriverOptions = postgres.Options<Record<string, never>>;

/**
 * @param options our own; their application name is used if the connection string has none
 * @param open connects
 * @returns options for postgres.js that leave nothing for it to look up in the environment
 */
export function driverOptions(
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
  prepareTls(settings.tls);
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
