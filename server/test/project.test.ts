// What surrounds the code, held against what it speaks of: linter, gate, hosted gate, dev container, updates, releases.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { releasedText } from './released.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFile(join(ROOT, path), 'utf8');
const json = async (path: string) => JSON.parse(await text(path));

const gate = await text('.ci/run');

test('#412 the linter refuses imports that lead in a circle, those of types too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-circle-'));
  try {
    // The folder is no repository.
    const { vcs: _, $schema: __, ...configuration } = await json('biome.json');
    await writeFile(join(folder, 'biome.json'), JSON.stringify(configuration));
    await writeFile(join(folder, 'a.ts'), "import type { B } from './b.ts';\n\nexport type A = B;\n");
    await writeFile(
      join(folder, 'b.ts'),
      "import { c } from './c.ts';\n\nexport type B = ReturnType<typeof c>;\nexport const b = c;\n",
    );
    await writeFile(join(folder, 'c.ts'), "export const c = () => import('./a.ts');\n");
    await writeFile(join(folder, 'd.ts'), "import type { A } from './a.ts';\n\nexport type D = A;\n");
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/biome'), ['lint', '.', '--reporter=json'], {
      cwd: folder,
    }).catch((error: { stdout: string }) => error);
    const found = JSON.parse(stdout).diagnostics.map(
      ({ category, location }: { category: string; location: { path: string } }) => [category, location.path],
    );
    expect(found.sort()).toEqual(
      ['a.ts', 'b.ts', 'c.ts'].map((path) => ['lint/suspicious/noImportCycles', path]),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
  expect(gate).toMatch(/^step lint pnpm lint$/m);
  expect((await json('package.json')).scripts.lint).toBe('biome check .');
});

test('#420 the linter holds the directions of imports between the rooms of the server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-rooms-'));
  /** File → what it imports. */
  const refused: Record<string, string> = {
    'features/a/router.ts': '../../db/drizzle.ts',
    'features/a/b/router.ts': '../../../db/statement.ts',
    'features/a/queries.ts': '../c/queries.ts',
    'features/a/b/queries.ts': '../../c/queries.ts',
    'features/a/b/otherQueries.ts': '../../c/queries.ts',
    'http/documents/page.ts': '../../db/drizzle.ts',
    'http/edge/guards.ts': '../transports/rest.ts',
    'http/edge/bodies.ts': '../../db/drizzle.ts',
    'http/transports/sse.ts': '../documents/openapi.ts',
    'trpc/quota.ts': '../db/schema/index.ts',
    'jobs/run.ts': '../http/transports/rest.ts',
    'jobs/queues.ts': '../db/drizzle.ts',
    'cache/views.ts': '../features/a/queries.ts',
    'db/sql/page.ts': '../postgres/pools.ts',
    'db/postgres/pools.ts': '../pglite/engine.ts',
    'db/pglite/open.ts': '../postgres/open.ts',
    'db/postgres/open.ts': '../../config.ts',
  };
  const allowed: Record<string, string> = {
    'features/c/queries.ts': '../../db/drizzle.ts',
    'features/c/d/queries.ts': '../queries.ts',
    'features/c/d/otherQueries.ts': '../../../db/statement.ts',
    'features/c/job.ts': '../../jobs/job.ts',
    'http/transports/rest.ts': '../edge/guards.ts',
    'http/documents/openapi.ts': '../transports/endpoints.ts',
    'jobs/registry.ts': '../features/c/job.ts',
    'cache/exercises.ts': '../db/database.ts',
    'db/open.ts': './postgres/open.ts',
    'db/sql/log.ts': '../drizzle.ts',
    'db/postgres/listen.ts': '../sql/log.ts',
  };
  try {
    const { vcs: _, $schema: __, ...configuration } = await json('biome.json');
    await writeFile(join(folder, 'biome.json'), JSON.stringify(configuration));
    for (const [file, imported] of Object.entries({ ...refused, ...allowed })) {
      const path = join(folder, 'server/src', file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `export * from '${imported}';\n`);
    }
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/biome'), ['lint', '.', '--reporter=json'], {
      cwd: folder,
    }).catch((error: { stdout: string }) => error);
    const found = JSON.parse(stdout)
      .diagnostics.filter(
        ({ category }: { category: string }) => category === 'lint/style/noRestrictedImports',
      )
      .map(({ location }: { location: { path: string } }) => location.path.replace('server/src/', ''));
    expect(found.sort()).toEqual(Object.keys(refused).sort());
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('#413 the dev container has the packages that the gate installs, and its pnpm', async () => {
  const packages = [...gate.matchAll(/install_package ([a-z][\w-]*)/g)].map(([, name = '']) => name);
  expect(packages).toContain('postgresql');
  const dockerfile = await text('.devcontainer/Dockerfile');
  const [, list = ''] = /apt-get install -y --no-install-recommends \\\n([\s\S]*?)&&/.exec(dockerfile) ?? [];
  const installed: string[] = list.replace(/^ *#.*$/gm, '').match(/[a-z][\w-]*/g) ?? [];
  expect(packages.filter((name) => !installed.includes(name))).toEqual([]);

  const { packageManager, devDependencies } = await json('package.json');
  expect(dockerfile).toContain(`npm install --global ${packageManager}\n`);
  expect(dockerfile).toMatch(new RegExp(`^FROM node:${devDependencies.node.split('.')[0]}-`, 'm'));
});

test('#413 the hosted gate is .ci/run, from the oldest Node.js that may start it to the one that runs it', async () => {
  const { permissions, jobs } = parse(await text('.github/workflows/gate.yml'));
  expect(permissions).toEqual({ contents: 'read' });
  expect(Object.keys(jobs)).toEqual(['gate']);
  const { strategy, steps, container } = jobs.gate;
  expect(steps.flatMap(({ run }: { run?: string }) => run ?? [])).toEqual(['bash .ci/run']);
  // What somebody else's repository brings is named by its commit, which cannot be moved.
  const actions: string[] = steps.flatMap(({ uses }: { uses?: string }) => uses ?? []);
  expect(actions.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);

  const { engines, devDependencies } = await json('package.json');
  const versions: string[] = strategy.matrix.node;
  expect(`>=${versions[0]}`).toBe(engines.node);
  expect(versions.at(-1)).toBe(devDependencies.node.split('.')[0]);
  // The same Debian as the dev container's.
  const [, debian] = /^FROM node:\d+-(\w+)$/m.exec(await text('.devcontainer/Dockerfile')) ?? [];
  expect(container.image).toBe(`node:\${{ matrix.node }}-${debian}`);
});

test('#413 updates of dependencies are exact versions, and leave what is patched and what peers promise', async () => {
  const { rangeStrategy, packageRules } = await json('.github/renovate.json');
  expect(rangeStrategy).toBe('pin');
  const patched = Object.keys(parse(await text('pnpm-workspace.yaml')).patchedDependencies).map((name) =>
    name.replace(/@[^@]*$/, ''),
  );
  const asked = packageRules
    .filter((rule: { dependencyDashboardApproval?: boolean }) => rule.dependencyDashboardApproval)
    .flatMap((rule: { matchPackageNames?: string[] }) => rule.matchPackageNames ?? []);
  expect(asked).toEqual(patched);
  expect(packageRules).toContainEqual(
    expect.objectContaining({ matchDepTypes: ['peerDependencies', 'engines'], enabled: false }),
  );
});

test('#414 versions, changelogs, the kept documents and the tag of the image tell of the same release', async () => {
  const released = JSON.parse(await releasedText('index.json'));
  for (const folder of ['server', 'client']) {
    const { name, version } = await json(`${folder}/package.json`);
    const [title, ...entries] = (await text(`${folder}/CHANGELOG.md`)).match(/^##? .*$/gm) ?? [];
    expect(title).toBe(`# ${name}`);
    expect(entries[0]).toBe(`## ${version}`);
    expect(released[folder]).toBe(version);
  }
  expect(JSON.parse(await releasedText('openapi.json')).info.version).toBe(released.server);
  expect(parse(await text('deploy/kubernetes/kustomization.yaml')).images[0].newTag).toBe(released.server);
});

test('#414 server and client get versions of their own', async () => {
  const { fixed = [], linked = [], ignore = [], privatePackages } = await json('.changeset/config.json');
  expect({ fixed, linked, ignore, privatePackages }).toMatchObject({
    fixed: [],
    linked: [],
    ignore: [],
    privatePackages: { version: true },
  });
});

test('#415 what programs write is marked, so that a review folds it, and what people write is not', async () => {
  const generated = [
    'pnpm-lock.yaml',
    'server/bench/pnpm-lock.yaml',
    'client/generators/pnpm-lock.yaml',
    'server/test/__snapshots__/openapi.json',
    'client/test/__snapshots__/router/index.txt',
    'drizzle/meta/_journal.json',
    'docs/reference/checks.md',
    'docs/reference/licences.md',
    'docs/reference/released/openapi.json',
    'docs/reference/released/router.d.ts',
  ];
  const written = [
    'drizzle/0000_start.sql',
    'docs/reference/released/intended.json',
    'server/src/app.ts',
    'CHANGELOG.md',
  ];
  const { stdout } = await run('git', ['check-attr', 'linguist-generated', '--', ...generated, ...written], {
    cwd: ROOT,
  });
  expect(stdout.trim().split('\n')).toEqual([
    ...generated.map((path) => `${path}: linguist-generated: set`),
    ...written.map((path) => `${path}: linguist-generated: unspecified`),
  ]);
  for (const path of [...generated, ...written]) expect(await text(path), path).not.toBe('');
});

test('#493 the subject of a commit has at most 72 characters', async () => {
  // Older commits, from before this rule, are as they are. A clone without history has nothing to check.
  const { stdout } = await run('git', ['log', '--since=2026-11-28T00:38:00Z', '--format=%h %s'], {
    cwd: ROOT,
  });
  const long = stdout.split('\n').filter((line) => [...line.replace(/^\S+ /, '')].length > 72);
  expect(long).toEqual([]);
});
