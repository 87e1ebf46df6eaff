// A real browser (Chromium at CHROMIUM_PATH, by default Debian's), and pages that note what they should not do.
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';

export type { Locator, Page } from 'playwright-core';

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the browser, which ends with the test file. @param args besides the usual ones */
export async function startBrowser(...args: string[]): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [...ARGS, ...args],
  });
  afterAll(() => browser.close());
  return browser;
}

/** @returns where a picture is left: in test-results/ */
export const picture = (name: string): string =>
  fileURLToPath(new URL(`../../../test-results/${name}.png`, import.meta.url));

export interface Window {
  readonly page: Page;
  /** Errors, warnings, violations of the policy, failed requests, and requests to other hosts. */
  readonly complaints: string[];
}

/**
 * Opens a window of its own, with nothing of another one's, and notes what it should not do.
 * @param url where; its origin is the one host that may be asked
 */
export async function openWindow(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Window> {
  const { origin } = new URL(url);
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(240_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('requestfailed', (request) =>
    complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`),
  );
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (asked !== origin && protocol !== 'data:' && protocol !== 'blob:')
      complaints.push(`asked another host: ${request.url()}`);
  });
  return { page, complaints };
}

/** To the browser the end of a stream is a failed request, as is each to a server that closes or is away. @returns the other complaints */
export const withoutStreamEnds = (complaints: readonly string[]): string[] =>
  complaints.filter(
    (complaint) =>
      !/\/events(\.stream\S*)? net::ERR_ABORTED|^503: .*\/events|a status of 503|ERR_CONNECTION_REFUSED/.test(
        complaint,
      ),
  );
