// Holds docs/reference/checks.md against the tests: what it says is shown has a test that carries its number, and the other way round.
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Row {
  readonly number: number;
  readonly fact: string;
  readonly state: string;
}

interface Section {
  readonly heading: string;
  /** The numbers that its heading says it has. */
  readonly first: number;
  readonly last: number;
  readonly rows: readonly Row[];
}

/** `## 2.1 Registration (1–27)` and the table below it. */
function sectionsOf(text: string): Section[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const heading = part.split('\n', 1)[0] as string;
      const [, first, last = first] = /\((\d+)(?:–(\d+))?\)$/.exec(heading) ?? [];
      const rows = [...part.matchAll(/^\|\s*(\d+)\s*\|(.*)\|(.*)\|\s*$/gm)].map(
        ([, number, fact = '', state = '']) => ({
          number: Number(number),
          fact: fact.trim(),
          state: state.trim(),
        }),
      );
      return { heading, first: Number(first), last: Number(last), rows };
    });
}

/** The numbers in front of the titles of tests, by file. */
async function numbersInTitles(): Promise<Map<string, Set<number>>> {
  const found = new Map<string, Set<number>>();
  for (const folder of ['server/src', 'server/test', 'client/test']) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith('.test.ts')) continue;
      const file = join(entry.parentPath, entry.name);
      // A title is the first argument of a call; `test.each([…])(` may stand before it.
      const titles = (await readFile(file, 'utf8')).matchAll(/\(\s*['"`]((?:#\d+ )+)/g);
      const numbers = [...titles].flatMap(([, list = '']) => list.match(/\d+/g) ?? []);
      found.set(relative(ROOT, file), new Set(numbers.map(Number)));
    }
  }
  return found;
}

const sections = sectionsOf(await readFile(join(ROOT, 'docs/reference/checks.md'), 'utf8'));
const rows = sections.flatMap((section) => section.rows);
const titles = await numbersInTitles();

const filesOf = ({ state }: Row): string[] => state.match(/[\w./-]+\.test\.ts/g) ?? [];

test('every section has each number of its heading once, in order', () => {
  for (const { heading, first, last, rows } of sections)
    expect(
      rows.map(({ number }) => number),
      heading,
    ).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
});

test('no number stands twice', () => {
  const numbers = rows.map(({ number }) => number);
  expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
});

test('every row has a fact and says that it is shown and where, or why not', () => {
  const bad = rows.filter((row) => {
    const shown = row.state.startsWith('shown: ');
    const told = /^(not applicable|open): .{10,}/.test(row.state);
    return row.fact === '' || !(shown ? filesOf(row).length > 0 : told);
  });
  expect(bad).toEqual([]);
});

test('what is shown is shown by a test that carries its number, in each file that is named', () => {
  const missing = rows.flatMap((row) =>
    filesOf(row)
      .filter((file) => !titles.get(file)?.has(row.number))
      .map((file) => `#${row.number} in ${file}`),
  );
  expect(missing).toEqual([]);
});

test('every number in the title of a test is that of a row', () => {
  const known = new Set(rows.map(({ number }) => number));
  const within = (number: number) => sections.some(({ first, last }) => first <= number && number <= last);
  const stray = [...titles].flatMap(([file, numbers]) =>
    [...numbers]
      .filter((number) => within(number) && !known.has(number))
      .map((number) => `#${number} in ${file}`),
  );
  expect(stray).toEqual([]);
});
