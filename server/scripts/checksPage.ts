// The page of checks, from the tests: a test whose title begins with a number (`#14 …`) is a row.
import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const CHECKS_PAGE = 'docs/reference/checks.md';

/** Numbers from `first` up to the next section's belong to a section. */
const SECTIONS: readonly (readonly [first: number, title: string])[] = [
  [1, 'Registration, login, passwords'],
  [28, 'Access tokens'],
  [50, 'Sessions'],
  [62, 'Object-level authorisation'],
  [81, 'Mass assignment and output fields'],
  [86, 'Input fuzz'],
  [106, 'HTTP robustness'],
  [129, 'CORS and headers'],
  [138, 'Rate limits and batching'],
  [151, 'Event stream'],
  [161, 'Errors and logs'],
  [168, 'Concurrency and idempotency'],
  [175, 'Database, Redis and network faults'],
  [201, 'The embedded database'],
  [207, 'Leaks, supply chain, operations'],
  [219, 'The page at /'],
  [229, 'Pages, path prefixes and headers of tools'],
  [241, 'The document and generated clients'],
  [253, 'Streams and clients of others'],
  [263, 'Bodies and headers'],
  [277, 'What connects: .env, connection strings, Redis'],
  [291, 'Poolers, roles and settings of databases'],
  [303, 'Logins that nobody can see'],
  [313, 'The typed client'],
  [331, 'Accounts that keep their promises'],
  [344, 'Password checks and counters under load'],
  [360, "Strangers' bodies and connections"],
  [370, 'Deployment without known passwords'],
  [380, 'Operators'],
  [390, 'Hostile load on a server in production'],
  [410, 'Changes and releases'],
  [435, 'The way of a request'],
  [450, 'The rules of the day'],
  [490, 'A house to inherit: client, documents, benchmark'],
  [520, 'Looking back'],
  [530, 'Rows of statements'],
];

/** Numbers that no test shows, with the reason. */
const NOT_SHOWN: Readonly<Record<number, string>> = {
  38: 'Issuer and audience: does not apply, our tokens have neither; a key belongs to one deployment, which issues and takes them itself',
  64: 'A path with a parent of one user and a child of another: does not apply, no path names two objects',
  94: 'wildcards in a search match themselves: does not apply, no procedure searches in text',
  211: 'No known weakness in what production brings: open, the gate runs `pnpm audit` and fails for a finding of high severity, but the registry that it was run against has no audit service (405), which it says',
};

interface Mention {
  readonly number: number;
  readonly text: string;
  /** What a title says when it begins with several numbers is less about each of them than a comment is. */
  readonly kind: 'title' | 'shared title' | 'comment';
  readonly file: string;
}

/** A title is the first argument of a call; `test.each([…])(` may stand before it. */
const TITLE = /\(\s*(?<quote>['"`])(?<numbers>(?:#\d+ )+)(?<title>(?:\\.|(?!\k<quote>)[^\\])*)\k<quote>/g;
const COMMENT = /^ *\/\/ #(?<number>\d+): (?<text>.*(?:\n *\/\/ (?!#\d+: ).*)*)/gm;
const PLACEHOLDER = /\$\{[^}]*\}|%[sdifjop#]|\$[a-z][\w.]*/g;

function mentionsIn(file: string): Mention[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const titles = [...text.matchAll(TITLE)].flatMap(({ groups: { numbers = '', title = '' } = {} }) =>
    (numbers.match(/\d+/g) ?? []).map(
      (number, _, all): Mention => ({
        number: Number(number),
        text: title.replaceAll(/\\(.)/g, '$1').replaceAll(PLACEHOLDER, '…'),
        kind: all.length > 1 ? 'shared title' : 'title',
        file,
      }),
    ),
  );
  const comments = [...text.matchAll(COMMENT)].map(
    ({ groups: { number, text = '' } = {} }): Mention => ({
      number: Number(number),
      text: text.replaceAll(/\n *\/\/ */g, ' '),
      kind: 'comment',
      file,
    }),
  );
  return [...titles, ...comments];
}

/** @returns what the page has to be */
export function checksPage(): string {
  const files = globSync(['server/{src,test}/**/*.test.ts', 'client/test/**/*.test.ts'], { cwd: ROOT })
    .map((file) => file.split(sep).join('/'))
    .sort();
  const mentions = Map.groupBy(files.flatMap(mentionsIn), ({ number }) => number);
  const rows = [
    ...[...mentions].map(([number, all]) => ({ number, row: rowOf(number, all) })),
    ...Object.entries(NOT_SHOWN).map(([number, text]) => ({
      number: Number(number),
      row: line(number, text),
    })),
  ].sort((a, b) => a.number - b.number);
  const sections = SECTIONS.map(([first, title], index) => {
    const next = SECTIONS[index + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    const own = rows.filter(({ number }) => first <= number && number < next).map(({ row }) => row);
    return [`## ${title}`, '', '| # | check | tests |', '| --- | --- | --- |', ...own].join('\n');
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

/** @throws when a comment has the number of no test in its file */
function rowOf(number: number, mentions: readonly Mention[]): string {
  const of = (kind: Mention['kind']) => mentions.filter((mention) => mention.kind === kind);
  const [titles, shared, comments] = [of('title'), of('shared title'), of('comment')];
  const tests = [...titles, ...shared];
  const stray = comments.find(({ file }) => !tests.some((test) => test.file === file));
  if (stray) throw new Error(`${stray.file} has a comment on #${number} and no test of it`);
  const texts = [...titles, ...(comments.length > 0 ? [] : shared)].map(({ text }) => text);
  const sentences = [
    ...(texts.length > 0 ? [[...new Set(texts)].join('; ')] : []),
    ...comments.map(({ text }) => text),
  ];
  return line(number, sentences.join('. '), [...new Set(tests.map(({ file }) => file))].join(', '));
}

/** A title is text: the site would take `<` for a tag. */
const escaped = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const line = (number: number | string, text: string, files = ''): string =>
  `| ${number} | ${escaped(text)} | ${files} |`;

const INTRODUCTION = `# Checks

Made from the tests by \`pnpm checks\`; do not edit.

What this server is held to, and the tests that show it. A test is listed if its title begins with a
number (\`#14 …\`). A comment that begins with \`// #14:\` in the same file says more about it.`;
