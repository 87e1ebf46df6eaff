// A TCP proxy that does to connections what networks do.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/** What happens to a connection. What stands when it is made decides, but `silence` and `breakAll` meet open ones. */
export type Fault =
  | 'pass'
  /** Nobody listens. */
  | 'refuse'
  /** Accepted, then ended or reset. */
  | 'fin'
  | 'rst'
  /** Accepted, and nothing ever answers. */
  | 'blackhole'
  /** Every chunk comes that many milliseconds later. */
  | { delay: number }
  /** So many bytes a second come from the server. */
  | { rate: number }
  /** Ended or reset after that many bytes of the server's; functions are asked for each connection. */
  | { cutAfter: number | (() => number); by: Break | (() => Break) };

type Break = 'fin' | 'rst';

export interface Proxy {
  readonly port: number;
  /** Connections so far. */
  accepted(): number;
  /** Where new connections are passed on to. */
  point(port: number): void;
  /** From now on. */
  set(fault: Fault): Promise<void>;
  /** Keeps open connections open and passes nothing on any more. */
  silence(): void;
  /** Ends or resets every open connection. */
  breakAll(by: Break): void;
}

/** Listens in front of `target` until the test file that calls this is done. */
export async function startProxy(target: number): Promise<Proxy> {
  let fault: Fault = 'pass';
  let upstreamPort = target;
  let accepted = 0;
  let silent = new WeakSet<Socket>();
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
  };

  const server = createServer({ noDelay: true }, (client) => {
    accepted++;
    track(client);
    if (fault === 'blackhole') return;
    if (fault === 'fin' || fault === 'rst') return void breakUp(client, fault);
    const upstream = connect({ port: upstreamPort, host: '127.0.0.1', noDelay: true });
    track(upstream);
    const rate = typeof fault === 'object' && 'rate' in fault ? fault.rate : undefined;
    const wait = typeof fault === 'object' && 'delay' in fault ? fault.delay : 0;
    const cut = typeof fault === 'object' && 'cutAfter' in fault ? fault : undefined;
    let left =
      typeof cut?.cutAfter === 'function' ? cut.cutAfter() : (cut?.cutAfter ?? Number.POSITIVE_INFINITY);

    const pass = (from: Socket, to: Socket, chunk: Buffer) => {
      if (silent.has(from) || silent.has(to) || to.destroyed) return;
      if (wait > 0) setTimeout(() => to.destroyed || to.write(chunk), wait);
      else to.write(chunk);
    };
    client.on('data', (chunk) => pass(client, upstream, chunk)).once('close', () => upstream.destroy());
    upstream.on('data', (chunk) => {
      if (rate !== undefined) {
        upstream.pause();
        drip(client, chunk, rate, () => upstream.resume());
        return;
      }
      pass(upstream, client, chunk.subarray(0, left));
      left -= chunk.length;
      if (cut && left <= 0) {
        breakUp(client, typeof cut.by === 'function' ? cut.by() : cut.by);
        upstream.destroy();
      }
    });
    upstream.once('close', () => silent.has(upstream) || client.destroyed || client.end());
  });

  const port = await listen(server, 0);
  afterAll(async () => {
    for (const socket of open) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });

  return {
    port,
    accepted: () => accepted,
    point(port) {
      upstreamPort = port;
    },
    async set(next) {
      fault = next;
      if (next === 'refuse' && server.listening) {
        // close() stops listening at once and comes back when the last connection is gone: that is not waited for.
        server.close();
        for (const socket of open) socket.destroy();
      } else if (next !== 'refuse' && !server.listening) await listen(server, port);
    },
    silence() {
      silent = new WeakSet(open);
    },
    breakAll(by) {
      for (const socket of open) breakUp(socket, by);
    },
  };
}

/** Passes a chunk on in tenths of a second. */
function drip(to: Socket, chunk: Buffer, rate: number, done: () => void): void {
  if (chunk.length === 0 || to.destroyed) {
    done();
    return;
  }
  const now = Math.ceil(rate / 10);
  to.write(chunk.subarray(0, now));
  setTimeout(() => drip(to, chunk.subarray(now), rate, done), 100);
}

function breakUp(socket: Socket, by: Break): void {
  if (by === 'rst') socket.resetAndDestroy();
  // The rest of what the other side sends is read and thrown away, so that no reset follows.
  else socket.end().resume();
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as { port: number }).port);
    });
  });
}
