import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeLingering } from './lingering.ts';

// The parser of Node.js pauses a connection whose request nobody reads, also after the answer.
test('#266 what still arrives is dropped although somebody pauses the connection', async () => {
  const paused = (socket: Socket) => {
    socket.on('error', () => {}).write('answer');
    closeLingering(socket, { maxBytes: 32 * 1024 * 1024, maxMs: 60_000 });
    socket.pause();
  };
  const server = createServer({ allowHalfOpen: true }, paused).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const text: string[] = [];
  client.setEncoding('utf8').on('data', (part) => text.push(String(part)));
  const sent = Promise.withResolvers<void>();
  client.end(Buffer.alloc(20_000_000), sent.resolve);
  await Promise.all([sent.promise, once(client, 'close')]);
  expect(text.join('')).toBe('answer');
});
