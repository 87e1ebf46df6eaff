// The documents: /openapi.json, /docs (Swagger UI) and /redoc (ReDoc). Everything comes from this server; a content
// security policy keeps the pages from asking anybody else.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';
import { appRouter } from '../router.ts';
import { type ServedFile, serveFile } from './files.ts';

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

const SWAGGER_UI = page(
  'Stepwise: Swagger UI',
  '<link rel="stylesheet" href="/docs/swagger-ui.css">',
  '<div id="swagger-ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>',
);

/** No validator: Swagger UI would send the document to a host of its own for that. */
const SWAGGER_UI_START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;

const REDOC = page(
  'Stepwise: ReDoc',
  '<style>body { margin: 0 }</style>',
  '<redoc spec-url="/openapi.json"></redoc><script src="/redoc/redoc.standalone.js"></script>',
);

const REDOC_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

export function registerDocs(app: FastifyInstance, version: string): void {
  const HTML = 'text/html; charset=utf-8';
  const JAVASCRIPT = 'text/javascript; charset=utf-8';
  const file = (name: string) => () => readFile(require.resolve(name));
  const serve = (url: string, type: string, content: ServedFile['content']) =>
    serveFile(app, { url, type, content, ...(type === HTML && { policy: CSP }) });

  serve('/openapi.json', 'application/json; charset=utf-8', async () => {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(appRouter, version));
  });
  serve('/docs', HTML, async () => SWAGGER_UI);
  serve('/docs/start.js', JAVASCRIPT, async () => SWAGGER_UI_START);
  serve('/docs/swagger-ui.css', 'text/css; charset=utf-8', file('swagger-ui-dist/swagger-ui.css'));
  serve('/docs/swagger-ui-bundle.js', JAVASCRIPT, file('swagger-ui-dist/swagger-ui-bundle.js'));
  serve('/redoc', HTML, async () => REDOC);
  // ReDoc would fetch its maker's logo from there.
  serve('/redoc/redoc.standalone.js', JAVASCRIPT, async () =>
    (await readFile(require.resolve('redoc/bundles/redoc.standalone.js'), 'utf8')).replaceAll(REDOC_LOGO, 'data:,'),
  );
}
