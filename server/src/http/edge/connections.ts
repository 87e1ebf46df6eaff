// Limits the number of connections, in all and for one address, and ends some with their answer.
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { addressKey } from '../../security/rateLimits.ts';
import type { MetricDefinition } from '../../telemetry/metricDefinition.ts';

/** The limit for all addresses together. It leaves file descriptors to the rest of the process. */
const MAX_CONNECTIONS = 5000;

const proxySockets = new WeakSet<object>();

/**
 * Limits connections. A connection above the limit is reset at once: to answer it, the server would have to hold it until a
 * request arrives. A reset also leaves nothing in the kernel.
 * @param maxPerAddress the limit of one address; of IPv6 of one network of 64 bits
 * @param isTrusted whether an address is that of a proxy. A proxy brings the requests of many clients, so it has no limit of
 * its own, and has to limit its clients
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
    // A connection that is already closed has no address.
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

/** A client that has to wait does not keep its connection. A proxy keeps it, because it brings the requests of others. */
export function closeAfterLimit(reply: FastifyReply, status: number): void {
  if (status === 429 && !proxySockets.has(reply.request.raw.socket)) reply.header('connection', 'close');
}
