// Serves the page at /: it shows what this server is and, after a sign-in, the user's day, plans and tasks, live. Its files
// are in ../page/.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { serveFile } from './staticFiles.ts';

const SCRIPTS = ['page.js', 'session.js', 'stream.js', 'board.js', 'view.js'];

/**
 * Behind a proxy that removes a path prefix, the page may be at `/api/` and at `/api`. The server cannot tell them apart, and
 * relative links differ between them. So the page sets its address to `/api/` before its first link is read. It does not
 * reload, which could loop.
 */
const ENDS_WITH_SLASH =
  "if (!location.pathname.endsWith('/')) history.replaceState(null, '', location.pathname + '/' + location.search + location.hash);";

const hash = createHash('sha256').update(ENDS_WITH_SLASH).digest('base64');

// Allows nothing from other hosts, no inline script but the one above, and (trusted types) no text that a script could turn
// into HTML.
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  `script-src-elem 'self' 'sha256-${hash}'`,
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @param version the server's version, which the page shows */
export function registerPage(app: FastifyInstance, version: string): void {
  const file = (name: string) => readFile(new URL(`../../page/${name}`, import.meta.url), 'utf8');
  const html = async () =>
    (await file('page.html'))
      .replace('{version}', version)
      .replace('<!-- script: ends with slash -->', () => `<script>${ENDS_WITH_SLASH}</script>`);
  serveFile(app, { url: '/', type: 'text/html; charset=utf-8', content: html, policy: CSP });
  serveFile(app, { url: '/page/page.css', type: 'text/css; charset=utf-8', content: () => file('page.css') });
  for (const name of SCRIPTS)
    serveFile(app, {
      url: `/page/${name}`,
      type: 'text/javascript; charset=utf-8',
      content: () => file(name),
    });
}
