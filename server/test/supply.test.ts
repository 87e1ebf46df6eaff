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
const benchLockfile = parse(await text('server/bench/pnpm-lock.yaml'));
const generatorsLockfile = parse(await text('client/generators/pnpm-lock.yaml'));
const workspace = parse(await text('pnpm-workspace.yaml'));

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Licences that ask for no more than that their text goes with a copy. */
const ALLOWED = [
  'BlueOak-1.0.0',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
];

// #210: The trees of two installations are not compared.
test.each([
  { name: 'the lockfile', packages: lockfile.packages, least: 300 },
  { name: "the benchmark's lockfile", packages: benchLockfile.packages, least: 50 },
  { name: "the generators' lockfile", packages: generatorsLockfile.packages, least: 300 },
])(
  '#210 every package in $name is a version with an integrity, and none has an address of its own',
  ({ packages: listed, least }) => {
    const packages = Object.entries<{ resolution: object }>(listed);
    expect(packages.length).toBeGreaterThan(least);
    const odd = packages.filter(([key, { resolution }]) => {
      const integrity = (resolution as { integrity?: string }).integrity ?? '';
      return (
        !EXACT.test(key.slice(key.lastIndexOf('@') + 1)) ||
        Object.keys(resolution).length !== 1 ||
        !/^sha512-[\w+/]{86}==$/.test(integrity)
      );
    });
    expect(odd).toEqual([]);
  },
);

test('#210 what the lockfile installs is what it has an integrity for', () => {
  const bare = (key: string) => key.replace(/\(.*$/, '');
  const missing = Object.keys(lockfile.snapshots).filter((key) => lockfile.packages[bare(key)] === undefined);
  expect(missing).toEqual([]);
});

test('a first start installs nothing of what the benchmark metricDefinitions against', () => {
  const direct = Object.keys(benchLockfile.importers['.'].dependencies);
  expect(direct).toContain('hono');
  const shared = ['postgres', 'zod'];
  const brought = direct.filter(
    (name) =>
      !shared.includes(name) && Object.keys(lockfile.packages).some((key) => key.startsWith(`${name}@`)),
  );
  expect(brought).toEqual([]);
});

test('a first start installs none of the generators of clients, nor a runner of examples', () => {
  const direct = Object.keys(generatorsLockfile.importers['.'].devDependencies);
  expect(direct).toContain('newman');
  const shared = ['@types/node', 'typescript'];
  const brought = direct.filter(
    (name) =>
      !shared.includes(name) && Object.keys(lockfile.packages).some((key) => key.startsWith(`${name}@`)),
  );
  expect(brought).toEqual([]);
});

test('no file of ours names a registry', async () => {
  expect(Object.keys(workspace).filter((key) => /registr/i.test(key))).toEqual([]);
  const settings = [];
  for await (const path of glob('{.,server,client,server/bench,client/generators}/.npmrc', { cwd: root }))
    settings.push(path);
  expect(settings).toEqual([]);
});

// #212: The list is docs/reference/licences.md, in no format for machines.
test('#212 install scripts run for the runtime alone, and every other package that has some is named as refused', async () => {
  const allowed = Object.entries(workspace.allowBuilds);
  expect(allowed.filter(([, allow]) => allow !== false)).toEqual([['node', true]]);
  const store = join(root, 'node_modules/.pnpm');
  const unnamed = new Set<string>();
  for (const folder of await readdir(store)) {
    const name = (folder.startsWith('@') ? folder.replace('+', '/') : folder).replace(/(?<=.)@.*$/, '');
    const manifest = await readFile(join(store, folder, 'node_modules', name, 'package.json'), 'utf8').then(
      JSON.parse,
      () => undefined,
    );
    const scripts = Object.keys(manifest?.scripts ?? {}).filter((script) =>
      ['preinstall', 'install', 'postinstall'].includes(script),
    );
    if (scripts.length > 0 && !(name in workspace.allowBuilds)) unnamed.add(name);
  }
  expect([...unnamed]).toEqual([]);
});

test('every version that we ask for is exact', async () => {
  const loose: string[] = [];
  let seen = 0;
  for await (const path of glob('**/package.json', {
    cwd: root,
    exclude: (name) => ['node_modules', 'dist', '.git'].includes(name),
  })) {
    const manifest = JSON.parse(await text(path));
    // Peers are what somebody else's project brings: a range is what they are for.
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, wanted] of Object.entries<string>(manifest[kind] ?? {})) {
        seen++;
        // Under another name: `npm:typescript@5.7.2`.
        const version = wanted.replace(/^npm:(@[\w.-]+\/)?[\w.-]+@/, '');
        if (!EXACT.test(version) && version !== 'catalog:' && version !== 'workspace:*')
          loose.push(`${path}: ${name} ${wanted}`);
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

test('#212 the list of licences in the repository is that of what is installed (pnpm run licences writes it)', async () => {
  expect(await readFile(LICENCES, 'utf8')).toBe(licenceList(await productionPackages()));
});

// #213: Its base is named by version, not by digest.
test('#213 the image runs as a user of its own, is asked for its health, hands on signals, and takes no secrets along', async () => {
  const lines = (await text('Dockerfile')).replaceAll('\\\n', ' ').split('\n');
  const stages = lines
    .join('\n')
    .split(/^FROM /m)
    .slice(1);
  const production = stages.find((stage) => / AS production$/m.test(stage)) as string;
  expect(production).toMatch(/^USER node$/m);
  // In the form of a list there is no shell between the signal and the server, which begins as it does elsewhere.
  const { scripts } = JSON.parse(await text('package.json'));
  const [, command = ''] = /^CMD (\[.*\])$/m.exec(production) ?? [];
  expect(JSON.parse(command).join(' ')).toBe(scripts.start);
  expect(lines.filter((line) => /^(CMD|ENTRYPOINT) (?!\[)/.test(line))).toEqual([]);
  expect(stages.find((stage) => / AS base$/m.test(stage))).toMatch(/^HEALTHCHECK /m);
  expect(lines.filter((line) => /^(ARG|ENV) .*(SECRET|PASSWORD|TOKEN|DATABASE_URL)/.test(line))).toEqual([]);
  // Everything is left out that is not named.
  const ignored = (await text('.dockerignore')).split('\n');
  expect(
    ignored.some((line) => line === '*') ||
      ['.git', '.env'].every((name) => ignored.some((line) => line.includes(name))),
  ).toBe(true);
  expect(lines.filter((line) => /^(COPY|ADD) (--\S+ )*\. /.test(line))).toEqual([]);
});

// #204: The suites themselves are what the gate runs.
test('#421 the image has the programs that are run in it, with all that they load, and not the import', async () => {
  const lines = (await text('.dockerignore')).split('\n');
  const shipped = lines.flatMap((line) => /^!server\/scripts(?:\/(.*))?$/.exec(line)?.slice(1) ?? []);
  const scripts = (await readdir(join(root, 'server/scripts'), { recursive: true })).filter((name) =>
    name.endsWith('.ts'),
  );
  expect(shipped.filter((name) => !scripts.includes(name))).toEqual([]);
  expect(shipped.filter((name) => name?.startsWith('import'))).toEqual([]);

  const loaded = new Set(shipped);
  for (const name of loaded)
    for (const [, imported = ''] of (await text(`server/scripts/${name}`)).matchAll(/'\.\/([\w./-]+\.ts)'/g))
      loaded.add(imported);
  expect([...loaded]).toEqual(shipped);

  const paths = ['Dockerfile', 'docker-compose.scale.yml'];
  for await (const path of glob(['docs/operations/*.md', 'deploy/*/*.{yml,yaml}'], { cwd: root }))
    paths.push(path);
  const texts = await Promise.all(paths.map(text));
  const run = texts.flatMap((content) => [...content.matchAll(/node,? server\/scripts\/([\w/]+\.ts)/g)]);
  expect(run.length).toBeGreaterThan(3);
  expect(run.map(([, name = '']) => name).filter((name) => !shipped.includes(name))).toEqual([]);
});

test('#204 the gate runs the same suite on both engines', async () => {
  const { scripts } = JSON.parse(await text('package.json'));
  expect(scripts.test).toContain('--project app');
  expect(scripts['test:postgres']).toContain('--project app');
  const gate = await text('.ci/run');
  expect(gate).toMatch(/^suite pglite test$/m);
  expect(gate).toMatch(/^suite postgres test:postgres$/m);
});
