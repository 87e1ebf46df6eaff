// The documents: /openapi.json, /docs (Swagger UI) and /redoc (ReDoc). Everything comes from this server; a content
// security policy keeps the pages from asking anybody else.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { FastifyInstance } from 'fastify';
import { appRouter } from '../router.ts';

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
  // Made and read when first asked for: a server that nobody reads documents of pays nothing for them.
  const document = once(async () => {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(appRouter, version));
  });
  const file = (name: string) => once(() => readFile(require.resolve(name)));
  // ReDoc would fetch its maker's logo from there.
  const redoc = once(async () =>
    (await readFile(require.resolve('redoc/bundles/redoc.standalone.js'), 'utf8')).replaceAll(REDOC_LOGO, 'data:,'),
  );

  serve('/openapi.json', 'application/json; charset=utf-8', document);
  serve('/docs', 'text/html; charset=utf-8', async () => SWAGGER_UI);
  serve('/docs/start.js', 'text/javascript; charset=utf-8', async () => SWAGGER_UI_START);
  serve('/docs/swagger-ui.css', 'text/css; charset=utf-8', file('swagger-ui-dist/swagger-ui.css'));
  serve('/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8', file('swagger-ui-dist/swagger-ui-bundle.js'));
  serve('/redoc', 'text/html; charset=utf-8', async () => REDOC);
  serve('/redoc/redoc.standalone.js', 'text/javascript; charset=utf-8', redoc);

  function serve(url: string, type: string, content: () => Promise<string | Buffer>): void {
    app.get(url, { config: { door: 'rest' } }, async (_request, reply) => {
      if (type.startsWith('text/html')) reply.header('content-security-policy', CSP);
      return reply
        .header('content-type', type)
        .header('cache-control', 'no-cache')
        .send(await content());
    });
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
