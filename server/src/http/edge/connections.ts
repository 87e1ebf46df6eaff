// How many connections there may be: in all, and of one address. And when one ends with its answer.
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { addressKey } from '../../security/rateLimits.ts';
import type { MetricDefinition } from '../../telemetry/metricDefinition.ts';

/** Of all addresses. Whoever holds many leaves the rest of the machine its file descriptors. */
const MAX_CONNECTIONS = 5000;

const proxySockets = new WeakSet<object>();

/**
 * Bounds connections. One too many is reset at once: an answer would need a request first, for which it would have to be
 * held, and a reset leaves nothing behind in the kernel either.
 * @param maxPerAddress of one address, of IPv6 of one network of 64 bits
 * @param isTrusted whether an address is a proxy's, which brings the requests of many clients: it may hold as many as
 * there are, and has to bound its own clients
 */
export function registerConnections(
  { server }: FastifyInstance,
  maxPerAddress: number,
  isTrusted?: (address: string) => boolean,
): readonly MetricDefinition[] {
  const held = new Map<string, number>();
  const refused = { address: 0, all: 0 };
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => refused.all++);
  server.on('connection', (socket: Socket) => {
    // Of a connection that is gone already there is no address any more.
    const address = socket.remoteAddress ?? '';
    if (isTrusted?.(address)) {
      proxySockets.add(socket);
      return;
    }
    const key = addressKey(address);
    const count = (held.get(key) ?? 0) + 1;
    if (count > maxPerAddress) {
      refused.address++;
      socket.resetAndDestroy();
      return;
    }
    held.set(key, count);
    socket.once('close', () => {
      const left = (held.get(key) as number) - 1;
      if (left === 0) held.delete(key);
      else held.set(key, left);
    });
  });
  return [
    {
      name: 'stepwise_connections_refused_total',
      help: 'Connections that were closed at once: too many of an address, or of all',
      type: 'counter',
      label: 'most',
      read: () => refused,
    },
    {
      name: 'stepwise_connections_addresses',
      help: 'Addresses that hold connections, but those of trusted proxies',
      type: 'gauge',
      read: () => held.size,
    },
  ];
}

/** Who has to wait holds no connection meanwhile. A proxy's brings the requests of others, and stays. */
export function closeAfterLimit(reply: FastifyReply, status: number): void {
  if (status === 429 && !proxySockets.has(reply.request.raw.socket)) reply.header('connection', 'close');
}
