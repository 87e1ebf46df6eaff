// Makes dist/: the client's modules with their declarations, and of the server the type of its router.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile } from './compile.ts';
import { expectImports } from './standalone.ts';

const dist = join(import.meta.dirname, '../dist');
const ALLOWED = /^(\.\/\w+\.js|@trpc\/client|@trpc\/server(\/observable)?|eventsource-parser)$/;

await compile(async ({ modules, router }) => {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  for (const name of await readdir(modules)) {
    const text = name === 'router.d.ts' ? router : await readFile(join(modules, name), 'utf8');
    // The compiler leaves the extensions in declarations as they are in the sources.
    const published = text.replace(/(from '\.\/\w+)\.ts';/g, "$1.js';");
    expectImports(published, ALLOWED);
    await writeFile(join(dist, name), published);
  }
});
