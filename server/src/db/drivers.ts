// The options of both drivers, made from one structure, and the way to a server that both of them go.
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import postgres from 'postgres';
import { type ConnectionSettings, type Host, parseConnection, type Session } from './connectionSettings.ts';
import { CONNECT_TIMEOUT, openAt } from './socket.ts';

/** A connection string, or what one means. */
export type Address = string | ConnectionSettings;

export const settingsOf = (address: Address): ConnectionSettings => (typeof address === 'string' ? parseConnection(address) : address);

type Options = postgres.Options<Record<string, never>>;

/**
 * @param options what is our own; the application name among it is used where the connection string has none
 * @returns what postgres.js is given. Nothing is left open that it would look up in the environment by itself.
 */
export function postgresOptions(address: Address, options: Options): Options {
  const settings = settingsOf(address);
  return optionsFor(settings, options, () => openSocket(settings));
}

function optionsFor(settings: ConnectionSettings, options: Options, open: () => Promise<Socket>): Options {
  const { applicationName: application_name, options: commandLine, connectTimeoutSeconds, keepAliveSeconds, prepare } = settings;
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
    connection: { ...options.connection, ...(application_name && { application_name }), ...(commandLine && { options: commandLine }) },
    // The driver does not give a connection back whose socket cannot be made: it is given one that fails.
    socket: () => open().catch(failing),
  };
  return given as unknown as Options;
}

function failing(error: Error): Socket {
  const socket = new Socket();
  // Once the driver listens, and before it writes.
  setImmediate(() => socket.destroy(error));
  return socket;
}

/** @returns what `pg`, the driver of pg-boss, is given */
export function pgOptions(address: Address, applicationName: string) {
  const settings = settingsOf(address);
  return {
    host: settings.hosts[0]?.name || 'localhost',
    port: settings.hosts[0]?.port ?? 0,
    user: settings.user,
    // Without a function it takes an empty one for none, and looks for others.
    password: () => settings.password,
    database: settings.database,
    ssl: false,
    sslnegotiation: 'postgres',
    application_name: settings.applicationName ?? applicationName,
    ...(settings.options && { options: settings.options }),
    keepAlive: settings.keepAliveSeconds !== 0,
    keepAliveInitialDelayMillis: (settings.keepAliveSeconds ?? 60) * 1000,
    stream: () => new OpeningStream(() => openSocket(settings)),
  };
}

/**
 * Goes to the hosts in their order until one is what it has to be, as libpq does.
 * @throws what was wrong with the last of them
 */
async function openSocket(settings: ConnectionSettings): Promise<Socket> {
  const hosts = settings.isShuffled ? settings.hosts.toSorted(() => Math.random() - 0.5) : settings.hosts;
  const wanted: Session[] = settings.session === 'prefer-standby' ? ['standby', 'any'] : [settings.session];
  let failure: unknown;
  for (const session of wanted)
    for (const host of hosts) {
      try {
        if (session === 'any' || (await is(session, host, settings))) return await openAt(host, settings);
        // A code that means: not now. Somebody may be about to become what is looked for.
        failure = Object.assign(new Error(`no host is ${session}`), { code: 'CONNECTION_UNSUITABLE' });
      } catch (error) {
        failure = error;
      }
    }
  throw failure;
}

const TESTS: Readonly<Record<Exclude<Session, 'any' | 'prefer-standby'>, string>> = {
  'read-write': "current_setting('transaction_read_only') = 'off'",
  'read-only': "current_setting('transaction_read_only') = 'on'",
  primary: 'not pg_is_in_recovery()',
  standby: 'pg_is_in_recovery()',
};

/** Asks the server, on a connection for this question: only who has signed in is told, and `pg` cannot ask. */
async function is(session: Session, host: Host, settings: ConnectionSettings): Promise<boolean> {
  const options = { max: 1, fetch_types: false, connect_timeout: CONNECT_TIMEOUT, connection: { application_name: 'stepwise' } };
  const client = postgres(optionsFor(settings, options, () => openAt(host, settings)));
  try {
    const [row] = await client.unsafe<{ is: boolean }[]>(`select ${TESTS[session as keyof typeof TESTS]} as is`);
    return row?.is === true;
  } finally {
    await client.end({ timeout: 1 });
  }
}

/** A stream that connects when `pg` tells it to, and then is the socket that was opened. */
class OpeningStream extends Duplex {
  readonly #open: () => Promise<Socket>;
  #socket: Socket | undefined;

  constructor(open: () => Promise<Socket>) {
    super();
    this.#open = open;
  }

  connect(): this {
    this.#open().then(
      (socket) => this.#become(socket),
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  #become(socket: Socket): void {
    if (this.destroyed) {
      socket.destroy();
      return;
    }
    this.#socket = socket.setNoDelay(true);
    socket.on('data', (chunk) => this.push(chunk) || socket.pause());
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    this.emit('connect');
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket) this.#socket.write(chunk, encoding, done);
    else done(new Error('not connected'));
  }

  override _final(done: () => void): void {
    if (this.#socket) this.#socket.end(done);
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket?.destroy();
    done(error);
  }

  /** Asked for before there is a socket, which has it on from the start. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(isOn: boolean, delay: number): this {
    this.#socket?.setKeepAlive(isOn, delay);
    return this;
  }

  ref(): void {
    this.#socket?.ref();
  }

  unref(): void {
    this.#socket?.unref();
  }
}
