// The page at / as it is served; what it does is shown in a browser (browser/page.test.ts).
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { PRODUCTION_RATES } from '../src/security/rateLimits.ts';
import { type Answer, startApp, type TestApp } from './harness.ts';

const api = await startApp();
const { text: html, headers } = await api.rest('GET', '/');

/** @returns the paths of all files that are served: what answers without a token and has an ETag */
async function filesOf({ app, rest }: TestApp): Promise<string[]> {
  const parents: string[] = [];
  const paths = [
    ...app.printRoutes({ commonPrefix: false }).matchAll(/^([│ ]*)[├└]── (\S+) \((.*)\)$/gm),
  ].flatMap(([, indent = '', part = '', methods = '']) => {
    const depth = indent.length / 4;
    parents.splice(depth, Infinity, `${parents[depth - 1] ?? ''}${part}`);
    const path = String(parents[depth]);
    return methods.includes('GET') && !/[:*]/.test(path) ? [path.replace(/^\/+/, '/')] : [];
  });
  const answers = await Promise.all(paths.map((path) => rest('GET', path)));
  return paths.filter((_, index) => answers[index]?.headers.etag !== undefined);
}

test('the page says what this server is, in which version, and where the documents are', async () => {
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(html).toContain(`<h1>Stepwise <small>${manifest.version}</small></h1>`);
  const links = [...html.matchAll(/<a href="([^"]*)"/g)].map(([, path = '']) => path);
  expect(links).toEqual(['docs', 'redoc', 'openapi.json', 'health']);
  for (const path of links) expect((await api.rest('GET', `/${path}`)).status, path).toBe(200);
});

test('#223 everything that its files name is served, and of its folder nothing else', async () => {
  const served = new Map([['/', html]]);
  for (const [from, text] of served)
    for (const [, path = ''] of text.matchAll(/(?:src=|href=|from )["'](page\/[^"']*|\.\/[\w.]+\.js)["']/g)) {
      const url = new URL(path, `http://host${from}`).pathname;
      if (served.has(url)) continue;
      const answer = await api.rest('GET', url);
      expect(answer.status, url).toBe(200);
      expect(answer.headers['content-type']).toBe(
        `text/${url.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`,
      );
      served.set(url, answer.text);
    }
  const files = (await readdir(new URL('../src/page', import.meta.url))).filter((name) =>
    /\.(js|css)$/.test(name),
  );
  expect([...served.keys()].sort()).toEqual(['/', ...files.map((name) => `/page/${name}`)].sort());
  for (const name of ['types.ts', 'tsconfig.json', 'page.html', '', '..%2fapp.ts'])
    expect((await api.rest('GET', `/page/${name}`)).status).toBe(404);
});

test('#222 its policy allows nothing from elsewhere, nothing inline but one script by its hash, and no text that becomes HTML', () => {
  const policy = String(headers['content-security-policy']).split('; ');
  for (const rule of [
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "require-trusted-types-for 'script'",
    "form-action 'none'",
  ])
    expect(policy).toContain(rule);
  expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
  const [inline = '', ...others] = [...html.matchAll(/<script>(.*?)<\/script>/g)].map(([, script]) => script);
  expect(policy).toContain(
    `script-src-elem 'self' 'sha256-${createHash('sha256').update(inline).digest('base64')}'`,
  );
  expect(others).toEqual([]);
  expect(html.replace(inline, '')).not.toMatch(
    /<script(?! src=| type="module" src=|><)|<style|\sstyle=|\son\w+=|https?:\/\//,
  );
});

const NEWER = /^(content-(type|length)|date|x-request-id)$/;
const lasting = ({ headers }: Answer) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !NEWER.test(name)));

test('#229 who has a file already is told so with the headers of the file: browsers put those over what they have', async () => {
  const files = await filesOf(api);
  expect(files).toEqual(
    expect.arrayContaining(['/', '/page/page.css', '/docs', '/docs/start.js', '/redoc', '/openapi.json']),
  );
  const production = await startApp({
    environment: 'production',
    corsOrigins: ['https://app.example'],
    database: api.database,
  });
  for (const { rest } of [api, production])
    for (const path of files)
      for (const headers of [{}, { origin: 'https://app.example' }] as Record<string, string>[]) {
        const whole = await rest('GET', path, { headers });
        const kept = await rest('GET', path, {
          headers: { ...headers, 'if-none-match': String(whole.headers.etag) },
        });
        expect([whole.status, kept.status, kept.text], path).toEqual([200, 304, '']);
        expect(lasting(kept), path).toEqual(lasting(whole));
        const { status, headers: told } = await rest('HEAD', path, { headers });
        expect({ status, told: lasting({ ...whole, headers: told }) }, path).toEqual({
          status: 200,
          told: lasting(whole),
        });
      }
});

test.each(['/', '/page/page.js', '/docs', '/openapi.json'])(
  'whoever has %s already is told so',
  async (path) => {
    const whole = await api.rest('GET', path);
    const etag = String(whole.headers.etag);
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    expect(whole.headers['cache-control']).toBe('no-cache');
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const kept = await api.rest('GET', path, { headers: { 'if-none-match': tag } });
      expect(kept, tag).toMatchObject({
        status: 304,
        text: '',
        headers: { etag, 'cache-control': 'no-cache' },
      });
    }
    for (const tag of ['"other"', etag.slice(1, -1), '', 'W/"*"'])
      expect((await api.rest('GET', path, { headers: { 'if-none-match': tag } })).text, tag).toBe(whole.text);
  },
);

test('#223 who asks too often is refused here too', async () => {
  const limited = await startApp({ rates: { ...PRODUCTION_RATES, address: { max: 2, seconds: 60 } } });
  const answers = [];
  for (let n = 0; n < 3; n++) answers.push((await limited.rest('GET', '/')).status);
  expect(answers).toEqual([200, 200, 429]);
});
