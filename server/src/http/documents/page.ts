// The page at /: what this server is and, for who signs in, what happens to their plan, resources and tasks as it happens.
// Its files are in ../page/.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { serveFile } from './staticFiles.ts';

const SCRIPTS = ['page.js', 'session.js', 'stream.js', 'board.js', 'view.js'];

/**
 * Behind a proxy that cuts a path prefix off, the page is at `/api/` and maybe at `/api` too: nothing that the server sees
 * tells one from the other, and relative links mean something else there. So the page calls itself `/api/` before its
 * first link is read. Nothing is loaded for that, which could go in a circle.
 */
const ENDS_WITH_SLASH =
  "if (!location.pathname.endsWith('/')) history.replaceState(null, '', location.pathname + '/' + location.search + location.hash);";

const hash = createHash('sha256').update(ENDS_WITH_SLASH).digest('base64');

// Nothing from elsewhere, nothing written into the page but the script above, and (trusted types) no text that a script
// could turn into HTML.
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

/** @param version of the server, which the page tells */
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
