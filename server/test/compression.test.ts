// Behind a proxy that compresses, as Express' `compression` does in front of many servers: it collects what it is to
// compress, so that of an answer which comes bit by bit nothing would arrive, not even its headers.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createGunzip } from 'node:zlib';
import Fastify from 'fastify';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { registerGuards } from '../src/http/edge/guards.ts';
import { createContext, requestContextOf } from '../src/http/edge/requestContext.ts';
import { registerTrpc } from '../src/http/transports/trpc.ts';
import { endpoint } from '../src/trpc/endpoint.ts';
import { publicProcedure, router } from '../src/trpc/procedures.ts';
import { makeExport } from './exports.ts';
import { startApp } from './harness.ts';
import { testServices } from './services.ts';
import { openStream, TRANSPORTS } from './streams.ts';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
// Its types would bring those of Express.
const compression: (options: { threshold: number }) => Middleware = createRequire(import.meta.url)(
  'compression',
);

/** @returns where a compressing proxy in front of `target` listens */
async function startProxy(target: string): Promise<string> {
  const compress = compression({ threshold: 0 });
  const proxy = createServer((asked, answer) =>
    compress(asked, answer, () => {
      const upstream = request(
        target + asked.url,
        { method: asked.method, headers: asked.headers },
        (answered) => {
          answer.writeHead(answered.statusCode as number, answered.headers);
          answered.pipe(answer);
        },
      );
      upstream.on('error', () => answer.destroy());
      answer.once('close', () => upstream.destroy());
      asked.pipe(upstream);
    }),
  ).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  afterAll(async () => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

const api = await startApp();
const base = await startProxy(await api.app.listen({ port: 0, host: '127.0.0.1' }));

test.each(TRANSPORTS)(
  '#253 a stream over $name begins at once, and every event comes when it happens',
  async ({ path }) => {
    const ann = await api.register();
    const accept = { accept: 'text/event-stream', 'accept-encoding': 'gzip, deflate, br' };
    const reader = await openStream(base, path, ann, undefined, accept);
    expect([reader.status, reader.headers.get('content-encoding')]).toEqual([200, null]);
    expect(await reader.next()).toEqual({ id: 0, event: { type: 'ready' } });
    for (const title of ['one', 'two', 'three']) {
      await api.rest('POST', '/outherTasks', { token: ann.token, body: { title } });
      // None comes after it that could push it on.
      expect(await reader.next()).toMatchObject({ event: { type: 'task.created', data: { title } } });
    }
    reader.leave();
  },
);

test('#254 of a streamed batch each answer comes when it is there', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const meta = endpoint('GET /unused', '', { tag: '', public: true });
  const batched = router({
    quick: publicProcedure.meta(meta).query(() => 'quick answer'),
    slow: publicProcedure.meta(meta).query(async () => {
      await released;
      return 'slow answer';
    }),
  });
  const services = testServices(api.database);
  const server = Fastify();
  onTestFinished(() => {
    release();
    return server.close();
  });
  registerGuards(
    server,
    () => [],
    services.limits,
    (request, reply) => requestContextOf(services, request, reply),
  );
  registerTrpc(server, '/trpc', batched, (asked, reply) => createContext(services, asked, reply));
  const at = await startProxy(await server.listen({ port: 0, host: '127.0.0.1' }));

  const answer = await fetch(`${at}/trpc/quick,slow?batch=1&input=${encodeURIComponent('{}')}`, {
    headers: { 'trpc-accept': 'application/jsonl' },
  });
  expect([answer.status, answer.headers.get('content-encoding')]).toEqual([200, null]);
  let text = '';
  for await (const piece of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (!text.includes('quick answer')) continue;
    if (!text.includes('slow answer')) release();
  }
  expect(text.indexOf('slow answer')).toBeGreaterThan(text.indexOf('quick answer'));
});

test('#255 what is complete when it is sent is compressed, and a file is whole', async () => {
  const ann = await api.register();
  await api.rest('POST', '/outherTasks', { token: ann.token, body: { title: 'x'.repeat(200) } });
  const path = `/users/me/exports/${await makeExport(api, ann)}/file`;
  const headers = { authorization: `Bearer ${ann.token}`, 'accept-encoding': 'gzip' };
  const [answered] = (await once(request(base + path, { headers }).end(), 'response')) as [IncomingMessage];
  expect(answered.headers['content-encoding']).toBe('gzip');
  const unpacked = await Array.fromAsync(answered.pipe(createGunzip()) as AsyncIterable<Buffer>);
  const direct = await api.rest('GET', path, { token: ann.token });
  expect(Buffer.concat(unpacked).toString()).toBe(direct.text);
});
