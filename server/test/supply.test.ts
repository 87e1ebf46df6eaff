// What an installation brings, and from where: looked at without a network.
import { glob, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { LICENCES, licenceList, productionPackages } from '../scripts/licenceList.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFile(join(root, path), 'utf8');

const lockfile = parse(await text('pnpm-lock.yaml'));
const workspace = parse(await text('pnpm-workspace.yaml'));

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Licences that ask for no more than that their text goes with a copy. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'Python-2.0', 'Unlicense'];

test('every package in the lockfile is a version with an integrity, and none has an address of its own', () => {
  const packages = Object.entries<{ resolution: object }>(lockfile.packages);
  expect(packages.length).toBeGreaterThan(300);
  const odd = packages.filter(([key, { resolution }]) => {
    const integrity = (resolution as { integrity?: string }).integrity ?? '';
    return (
      !EXACT.test(key.slice(key.lastIndexOf('@') + 1)) || Object.keys(resolution).length !== 1 || !/^sha512-[\w+/]{86}==$/.test(integrity)
    );
  });
  expect(odd).toEqual([]);
});

test('what the lockfile installs is what it has an integrity for', () => {
  const bare = (key: string) => key.replace(/\(.*$/, '');
  const missing = Object.keys(lockfile.snapshots).filter((key) => lockfile.packages[bare(key)] === undefined);
  expect(missing).toEqual([]);
});

test('no file of ours names a registry', async () => {
  expect(Object.keys(workspace).filter((key) => /registr/i.test(key))).toEqual([]);
  const settings = [];
  for await (const path of glob('{.,server,client}/.npmrc', { cwd: root })) settings.push(path);
  expect(settings).toEqual([]);
});

test('install scripts run for the runtime alone, and every other package that has some is named as refused', async () => {
  const allowed = Object.entries(workspace.allowBuilds);
  expect(allowed.filter(([, allow]) => allow !== false)).toEqual([['node', true]]);
  const store = join(root, 'node_modules/.pnpm');
  const unnamed = new Set<string>();
  for (const folder of await readdir(store)) {
    const name = (folder.startsWith('@') ? folder.replace('+', '/') : folder).replace(/(?<=.)@.*$/, '');
    const manifest = await readFile(join(store, folder, 'node_modules', name, 'package.json'), 'utf8').then(JSON.parse, () => undefined);
    const scripts = Object.keys(manifest?.scripts ?? {}).filter((script) => ['preinstall', 'install', 'postinstall'].includes(script));
    if (scripts.length > 0 && !(name in workspace.allowBuilds)) unnamed.add(name);
  }
  expect([...unnamed]).toEqual([]);
});

test('every version that we ask for is exact', async () => {
  const loose: string[] = [];
  let seen = 0;
  for await (const path of glob('**/package.json', { cwd: root, exclude: (name) => ['node_modules', 'dist', '.git'].includes(name) })) {
    const manifest = JSON.parse(await text(path));
    // Peers are what somebody else's project brings: a range is what they are for.
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, version] of Object.entries<string>(manifest[kind] ?? {})) {
        seen++;
        if (!EXACT.test(version) && version !== 'catalog:' && version !== 'workspace:*') loose.push(`${path}: ${name} ${version}`);
      }
  }
  for (const [name, version] of Object.entries<string>(workspace.catalog))
    if (!EXACT.test(version)) loose.push(`catalog: ${name} ${version}`);
  expect(loose).toEqual([]);
  expect(seen).toBeGreaterThan(30);
});

test('everything that production brings has a licence that lets anybody run it', async () => {
  const packages = await productionPackages();
  const isAllowed = (licence: string) =>
    licence
      .replaceAll(/[()]/g, '')
      .split(' OR ')
      .some((one) => ALLOWED.includes(one.trim()));
  expect(packages.filter(({ licence }) => !isAllowed(licence))).toEqual([]);
  const names = new Set(packages.map(({ name }) => name));
  for (const name of ['fastify', 'postgres', 'secure-json-parse', 'bcryptjs']) expect(names).toContain(name);
});

test('the list of licences in the repository is that of what is installed (pnpm run licences writes it)', async () => {
  expect(await readFile(LICENCES, 'utf8')).toBe(licenceList(await productionPackages()));
});
