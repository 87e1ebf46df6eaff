// The options of `pg`, the driver of pg-boss, made from the same structure as those of ours (drivers.ts).
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type Address, openSocket, settingsOf } from './drivers.ts';

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
