// Makes dist/: the client's modules with their declarations, of the server the type of its router, and the rules of the day.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compile } from './compile.ts';
import { expectImports } from './standalone.ts';

const dist = join(import.meta.dirname, '../dist');
const DOMAIN = './domain/index.js';
const ALLOWED = /^(\.\/(domain\/)?\w+\.js|@trpc\/client|@trpc\/server(\/observable)?|eventsource-parser)$/;
const ALLOWED_IN_DOMAIN = /^\.\.?\/(day\/)?\w+\.js$/;

/** The compiler leaves the extensions in declarations as they are in the sources. */
const withPublishedImports = (text: string): string =>
  text
    .replace(/(from '\.\.?\/[\w/]+)\.ts';/g, "$1.js';")
    .replaceAll("from '@stepwise/server/domain'", `from '${DOMAIN}'`);

async function publish(name: string, text: string, allowed: RegExp): Promise<void> {
  const published = withPublishedImports(text);
  expectImports(published, allowed);
  await mkdir(dirname(join(dist, name)), { recursive: true });
  await writeFile(join(dist, name), published);
}

await compile(async ({ modules, domain, router }) => {
  await rm(dist, { recursive: true, force: true });
  for (const name of await readdir(modules)) {
    const text = name === 'router.d.ts' ? router : await readFile(join(modules, name), 'utf8');
    await publish(name, text, ALLOWED);
  }
  for (const name of await readdir(domain, { recursive: true })) {
    // A client has no use for what makes rows of facts again.
    if (!/\.(d\.ts|js)$/.test(name) || /^rebuild\./.test(name)) continue;
    await publish(join('domain', name), await readFile(join(domain, name), 'utf8'), ALLOWED_IN_DOMAIN);
  }
});
