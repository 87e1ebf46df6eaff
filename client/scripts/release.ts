// The second half of `pnpm release`, after the versions are set: keeps the documents of what is released, for the tests
// that hold later changes against them, and gives the image its tag.
import { readFile, writeFile } from 'node:fs/promises';
import { openApiDocument } from '../../server/src/http/documents/openapi.ts';
import { appRouter } from '../../server/src/router.ts';
import { compile } from './compile.ts';

const ROOT = new URL('../../', import.meta.url);
const RELEASED = new URL('docs/reference/released/', ROOT);

const readJson = async (url: URL) => JSON.parse(await readFile(url, 'utf8'));
const writeJson = (url: URL, value: unknown) => writeFile(url, `${JSON.stringify(value, null, 2)}\n`);
const versionOf = async (folder: string): Promise<string> =>
  (await readJson(new URL(`${folder}/package.json`, ROOT))).version;

const index = new URL('index.json', RELEASED);
const intended = new URL('intended.json', RELEASED);
const released = await readJson(index);
const versions = { server: await versionOf('server'), client: await versionOf('client') };
// What was meant to change has changed: the next list begins empty.
const listed = await readJson(intended);

if (versions.server !== released.server) {
  await writeJson(new URL('openapi.json', RELEASED), openApiDocument(appRouter, versions.server));
  listed.openapi = [];
  const kustomization = new URL('deploy/kubernetes/kustomization.yaml', ROOT);
  await writeFile(
    kustomization,
    (await readFile(kustomization, 'utf8')).replace(/(?<=newTag: ).*/, versions.server),
  );
}
if (versions.client !== released.client) {
  await compile(({ router }) => writeFile(new URL('router.d.ts', RELEASED), router));
  listed.router = [];
}
await writeJson(intended, listed);
await writeJson(index, versions);
console.log(`released: server ${versions.server}, client ${versions.client}`);
