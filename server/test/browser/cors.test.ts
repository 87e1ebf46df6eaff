// Pages of another origin, in a real browser: which of their requests it lets through.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { startApp } from '../harness.ts';
import { openWindow, startBrowser } from './chromium.ts';

const foreign = createServer((_, response) =>
  response.setHeader('content-type', 'text/html').end('<!doctype html>'),
);
await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
afterAll(() => foreign.close());
const page = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`;

const development = await startApp({ environment: 'development' });
const production = await startApp({
  environment: 'production',
  corsOrigins: [page],
  database: development.database,
});
const ann = await development.register();
const servers = {
  development: await development.app.listen({ port: 0, host: '127.0.0.1' }),
  production: await production.app.listen({ port: 0, host: '127.0.0.1' }),
};
const browser = await startBrowser();

/** What tools add, each of which makes the browser ask first. */
const ADDED = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'sentry-trace': '771a43a4192642f0b136d5159a501700-7d7b2fdb3ee44c33-1',
  baggage: 'sentry-environment=production',
  'x-datadog-trace-id': '1',
  'x-requested-with': 'XMLHttpRequest',
  'x-trpc-source': 'react',
};

test.each([
  { environment: 'development', own: 200 },
  { environment: 'production', own: 'blocked' },
] as const)(
  '#234 in $environment headers that tools add do not fail the request of a page',
  async ({ environment, own }) => {
    const window = await openWindow(browser, page);
    await window.page.goto(page);
    const ask = (headers: Record<string, string>) =>
      window.page.evaluate(
        ({ url, headers }) =>
          fetch(url, { headers }).then(
            ({ status }) => status,
            () => 'blocked',
          ),
        {
          url: `${servers[environment]}/users/me`,
          headers: { ...headers, authorization: `Bearer ${ann.token}` },
        },
      );
    expect(await ask(ADDED)).toBe(200);
    expect(await ask({ 'x-own': '1' })).toBe(own);
  },
);
