// A proxy that serves a server under a path prefix, which it cuts off, and knows nothing else.
import { request as ask, createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { afterAll } from 'vitest';

/**
 * Starts the proxy, which ends with the test file.
 * @param prefix `/api`; all other paths are 404
 * @param headers that the proxy sets
 * @returns its own URL, without the prefix
 */
export async function prefixProxy(
  target: string,
  prefix: string,
  headers: IncomingHttpHeaders = {},
): Promise<string> {
  const proxy = createServer((request, response) => {
    const { url = '/', method } = request;
    const path = url.slice(prefix.length);
    if (!url.startsWith(prefix) || !/^($|[/?])/.test(path)) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('outside the prefix');
      return;
    }
    const onward = ask(target + (path.startsWith('/') ? path : `/${path}`), {
      method,
      headers: { ...request.headers, ...headers },
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, response, () => {});
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    pipeline(request, onward, () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
