// Serves /openapi.json, /docs (Swagger UI) and /redoc (ReDoc). Everything comes from this server, and a content security
// policy keeps the pages from other hosts. Links are relative, because a proxy may add a path prefix.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { appRouter } from '../../router.ts';
import type { createServerUrl } from './serverUrl.ts';
import { type ServedFile, serveFile } from './staticFiles.ts';

const require = createRequire(import.meta.url);

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = (title: string, head: string, body: string) =>
  `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<link rel="icon" href="data:,">${head}</head>
<body>${body}</body>
</html>
`;

/** @param root the root of all paths, relative to the page */
const swaggerUi = (root: string) =>
  page(
    'Stepwise: Swagger UI',
    `<link rel="stylesheet" href="${root}docs/swagger-ui.css">`,
    `<div id="swagger-ui"></div><script src="${root}docs/swagger-ui-bundle.js"></script><script type="module" src="${root}docs/start.js"></script>`,
  );

/** @param root the root of all paths, relative to the page */
const redoc = (root: string) =>
  page(
    'Stepwise: ReDoc',
    '<style>body { margin: 0 }</style>',
    `<div id="redoc"></div><script src="${root}redoc/redoc.standalone.js"></script><script type="module" src="${root}redoc/start.js"></script>`,
  );

/** Both `/docs` and `/docs/` are answered, and relative links differ between them. */
const rootFrom = ({ url }: FastifyRequest) => (/^[^?]*\/(\?|$)/.test(url) ? '../' : './');

const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

export function registerDocuments(
  app: FastifyInstance,
  version: string,
  { of, vary }: ReturnType<typeof createServerUrl>,
): void {
  const JAVASCRIPT = 'text/javascript; charset=utf-8';
  const file = (name: string) => () => readFile(require.resolve(name));
  const script = (name: string) => () => readFile(new URL(`../../page/documents/${name}`, import.meta.url));
  const serve = (url: string, type: string, content: ServedFile['content']) =>
    serveFile(app, { url, type, content });
  const servePage = (url: string, content: (root: string) => string) =>
    serveFile(app, {
      url,
      type: 'text/html; charset=utf-8',
      content: async (root) => content(root),
      variant: rootFrom,
      policy: CSP,
    });

  serveFile(app, {
    url: '/openapi.json',
    type: 'application/json; charset=utf-8',
    content: documents(version),
    variant: of,
    vary,
  });
  servePage('/docs', swaggerUi);
  serve('/docs/start.js', JAVASCRIPT, script('swaggerUi.js'));
  serve('/docs/swagger-ui.css', 'text/css; charset=utf-8', file('swagger-ui-dist/swagger-ui.css'));
  serve('/docs/swagger-ui-bundle.js', JAVASCRIPT, file('swagger-ui-dist/swagger-ui-bundle.js'));
  servePage('/redoc', redoc);
  serve('/redoc/start.js', JAVASCRIPT, script('redoc.js'));
  // ReDoc would fetch its logo from there.
  serve('/redoc/redoc.standalone.js', JAVASCRIPT, async () =>
    (await readFile(require.resolve('redoc/bundles/redoc.standalone.js'), 'utf8')).replaceAll(
      REDOC_LOGO,
      'data:,',
    ),
  );
}

/** @returns a function that makes the document for a URL of the API. The expensive part runs once */
function documents(version: string): (url: string) => Promise<string> {
  let document: object | undefined;
  return async (url) => {
    const { openApiDocument } = await import('./openapi.ts');
    document ??= openApiDocument(appRouter, version);
    return JSON.stringify({ ...document, servers: [{ url }] });
  };
}
