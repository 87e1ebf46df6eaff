// Holds the documents to their limits, and every link, comment and configuration to files that exist.
import { globSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { resultsPage, TABLES, withTables } from '../bench/report.ts';
import { GENERATED, withSettings } from '../scripts/settingsReference.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const MAX_README_LINES = 180;
const MAX_COLUMNS = 100;

/** Folders that hold nothing of the repository. */
const SKIPPED = new Set([
  'node_modules',
  '.git',
  'dist',
  '.data',
  'coverage',
  'generated',
  'test-results',
  '.vitest',
]);

/** @returns every file of the project, as a path from its root with slashes */
async function filesIn(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !SKIPPED.has(name));
  const found = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [relative(ROOT, path).split(sep).join('/')];
  });
  return (await Promise.all(found)).flat();
}

const files = await filesIn(ROOT);
const read = (file: string) => readFile(join(ROOT, file), 'utf8');
const texts = async (names: readonly string[]) =>
  Promise.all(names.map(async (file) => [file, await read(file)] as const));

const markdown = await texts(files.filter((file) => file.endsWith('.md')));
const readme = (await read('README.md')).trimEnd().split('\n');
/** @param instead what stands in place of a block */
const withoutCode = (text: string, instead = (_block: string) => '') =>
  text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, instead);

/** Every file and folder, so that `db/limiter.ts` is looked for as `/db/gate.ts` at the end of one. */
const ends = new Set<string>();
for (const file of files) {
  const parts = file.split('/');
  for (let last = parts.length; last > 0; last--)
    for (let first = 0; first < last; first++)
      ends.add(parts.slice(first, last).join('/') + (last < parts.length ? '/' : ''));
}

test(`README.md has at most ${MAX_README_LINES} lines and ${MAX_COLUMNS} columns, tables included`, () => {
  expect(readme.length).toBeLessThanOrEqual(MAX_README_LINES);
  expect(readme.filter((line) => [...line].length > MAX_COLUMNS)).toEqual([]);
});

test('README.md says in its first screen how to start, and how to make a call', () => {
  const screen = readme.slice(0, 40).join('\n');
  expect(screen).toContain('npx --yes pnpm@12 start\n');
  expect(screen).toContain('curl -s http://localhost:8000/users ');
  expect(readme).toContain('npx --yes pnpm@12 test');
});

/** Of hosts' forms, where a line break shows, and of programs. */
const ANY_WIDTH = /^(\.github\/|server\/bench\/results\.md$)/;
/** Its code is that of client/examples, which is as wide as code. */
const CLIENT_README = 'client/README.md';

test(`the documents have at most ${MAX_COLUMNS} columns, but for tables and addresses`, () => {
  const wide = markdown
    .filter(([file]) => !ANY_WIDTH.test(file))
    .flatMap(([file, text]) =>
      (file === CLIENT_README ? withoutCode(text, (code) => code.replaceAll(/.+/g, '')) : text)
        .split('\n')
        .map((line, at) => ({ place: `${file}:${at + 1}`, line: line.replaceAll(/https?:[^\s)]+/g, '') }))
        .filter(({ line }) => !line.startsWith('|') && [...line].length > MAX_COLUMNS)
        .map(({ place }) => place),
    );
  expect(wide).toEqual([]);
});

/** The anchors that headings have, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const words = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; found.has(anchor); n++) anchor = `${slug}-${n}`;
    found.add(anchor);
  }
  return found;
}

const anchors = new Map(markdown.map(([file, text]) => [file, anchorsOf(text)]));

test('every relative link leads to a file, and to a heading of it', () => {
  const links = markdown.flatMap(([file, text]) =>
    [
      ...withoutCode(text)
        .replaceAll(/`[^`]*`/g, '')
        .matchAll(/\]\(([^)\s]+)[^)]*\)/g),
    ].map(([, link = '']) => ({ file, link })),
  );
  const broken = links.filter(({ file, link }) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#', 2);
    const target = path === '' ? file : join(dirname(file), path).split(sep).join('/');
    const exists =
      files.includes(target) || files.some((other) => other.startsWith(`${target.replace(/\/$/, '')}/`));
    return !exists || (anchor !== undefined && !anchors.get(target)?.has(anchor));
  });
  expect(links.length).toBeGreaterThan(100);
  expect(broken).toEqual([]);
});

/** Words that look like files. */
const PRODUCTS = ['Node.js', 'postgres.js', 'ical.js'];
/** What programs write or read elsewhere, and a reader sees named. */
const ELSEWHERE = [
  'stepwise.ts',
  'stepwise.d.ts',
  'collection.json',
  'generated/orval.ts',
  'docker-entrypoint.sh',
  '.data/',
];

const NAMED_FILE =
  /(?<![\w./*@{}$:<>-])(?:\.{0,2}\/)*[\w@][\w@./-]*\.(?:tsx?|[mc]?js|json|md|ya?ml|sql|cfg|css|html|patch|sh)(?![\w*-]|\.\w)/g;
const NAMED_FOLDER = /(?<=`)(?:\.{0,2}\/)*[\w@.-][\w@./-]*\/(?=`)/g;

/** Made by programs, or of others: what they name is not ours. */
const FOREIGN =
  /(pnpm-lock\.yaml|__snapshots__\/.*|results\.json|^drizzle\/meta\/.*|^patches\/.*|dashboards\/.*|reference\/(licences\.md|released\/.*(json|d\.ts)))$/;
const CODE = ['.ts', '.tsx', '.js', '.mjs', '.css'];
const TEXT = ['.json', '.yml', '.yaml', '.cfg', '.md', ''];

/** What a file says to its readers: of code the comments, of anything else all. */
function wordsOf(file: string, text: string): string {
  if (!CODE.includes(extname(file))) return text;
  return [...text.matchAll(/\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*/g)].map(([comment]) => comment).join('\n');
}

test('no comment, document or configuration names a file that does not exist', async () => {
  const readers = files.filter((file) => [...CODE, ...TEXT].includes(extname(file)) && !FOREIGN.test(file));
  const missing = (await texts(readers)).flatMap(([file, text]) => {
    const words = wordsOf(file, text);
    const named = [
      ...words.matchAll(NAMED_FILE),
      ...(file.endsWith('.md') ? words.matchAll(NAMED_FOLDER) : []),
    ];
    return named
      .map(([name]) => name)
      .filter(
        (name) =>
          !PRODUCTS.includes(name) && !name.startsWith('/') && !/(^|\/)(node_modules|dist)\//.test(name),
      )
      .map((name) => name.replace(/^(\.{0,2}\/)+/, ''))
      .filter((name) => !ends.has(name) && !ELSEWHERE.includes(name))
      .map((name) => `${file}: ${name}`);
  });
  expect(readers.length).toBeGreaterThan(300);
  expect(missing).toEqual([]);
});

interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style: Record<string, { options?: { patterns: { group: string[] }[] } } | string>;
    };
  };
}

test('biome.json speaks of folders that exist', async () => {
  const { overrides } = JSON.parse(await read('biome.json')) as { overrides: Override[] };
  const exists = (path: string) => files.includes(path) || files.some((file) => file.startsWith(`${path}/`));
  const missing = overrides.flatMap(({ includes, linter }) => {
    const folders = includes
      .filter((glob) => /^\w[^*]*\//.test(glob))
      .map((glob) => glob.replace(/\/?\*.*$/, ''));
    const rule = linter.rules.style.noRestrictedImports;
    const groups =
      typeof rule === 'object' ? (rule.options?.patterns.flatMap(({ group }) => group) ?? []) : [];
    const imported = groups.flatMap((glob) => {
      const path = glob.replace(/\/?\*.*$/, '');
      return /^\.\.\/\w/.test(path) ? folders.map((folder) => join(folder, path).split(sep).join('/')) : [];
    });
    return [...folders, ...imported].filter((path) => !exists(path));
  });
  expect(missing).toEqual([]);
});

test('#494 every path of vitest.config.ts, and every one that biome.json has rules for, matches a file', async () => {
  const { overrides } = JSON.parse(await read('biome.json')) as { overrides: Override[] };
  const paths = [
    ...[...(await read('vitest.config.ts')).matchAll(/'((?:server|client)\/[^'`]*)'/g)].map(
      ([, path = '']) => path,
    ),
    ...overrides.flatMap(({ includes }) => includes.map((path) => path.replace(/^!/, ''))),
  ];
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => globSync(path, { cwd: ROOT }).length === 0)).toEqual([]);
});

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly annotations: Record<string, string> }[];
  }[];
}

test('#491 every alert has a part of the runbook, and every part is of an alert', async () => {
  const { groups }: Rules = parse(await read('deploy/observability/rules.yml'));
  const alerts = groups.flatMap(({ rules }) => rules);
  const runbook = 'docs/operations/runbook.md';
  expect(alerts.map(({ annotations }) => annotations.runbook_url)).toEqual(
    alerts.map(({ alert }) => `${runbook}#${alert.toLowerCase()}`),
  );
  expect([...(anchors.get(runbook) ?? [])]).toEqual([
    'runbook',
    ...alerts.map(({ alert }) => alert.toLowerCase()),
  ]);
});

test('#492 every decision has a status, a date and the headings of the template, and a row in the list', async () => {
  const all = markdown.filter(([file]) => /^docs\/decisions\/\d{4}-/.test(file));
  const headings = (text: string) => text.match(/^## .+$/gm);
  const [[, template = ''] = []] = all.filter(([file]) => file.includes('/0000-'));
  const list = await read('docs/decisions/README.md');
  const decisions = all.filter(([, text]) => text !== template);
  expect(decisions.length).toBeGreaterThan(15);
  for (const [file, text] of decisions) {
    expect(text, file).toMatch(
      /^# \d{4} .+\n\n- Status: (accepted|replaced by \[\d{4}\].*)\n- Date: \d{4}-\d\d-\d\d\n\n## Context$/m,
    );
    expect(headings(text), file).toEqual(headings(template));
    expect(list).toContain(`](${file.replace(/.*\//, '')})`);
  }
});

test.each(GENERATED)(
  '$path has the settings of settings.ts; otherwise run pnpm run settings',
  async (generated) => {
    const text = await read(generated.path);
    expect(text).toBe(withSettings(text, generated));
  },
);

test('#495 the tables of the benchmark are those of results.json; otherwise run pnpm bench:tables', async () => {
  const report = JSON.parse(await read('server/bench/results.json'));
  for (const { path, make } of TABLES) {
    const text = await read(path);
    expect(text, path).toBe(withTables(text, make(report)));
  }
  expect(await read('server/bench/results.md')).toBe(resultsPage(report));
});
