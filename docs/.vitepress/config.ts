// The documents as a site with a search: `pnpm docs` shows it, `pnpm docs:build` writes it. Each document is plain
// Markdown, and its links are those between files. A link that leads nowhere fails the build. No network is needed.
import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';

const DOCS = new URL('..', import.meta.url);

/** @returns the first heading of a document */
const titleOf = (file: string): string =>
  /^# (.+)$/m.exec(readFileSync(new URL(file, DOCS), 'utf8'))?.[1]?.replaceAll('`', '') ?? file;

/** @returns every document of a folder but its index, in the order of the names */
const itemsIn = (folder: string) =>
  readdirSync(new URL(`${folder}/`, DOCS))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => ({
      text: titleOf(`${folder}/${name}`),
      link: `/docs/${folder}/${name.replace('.md', '')}`,
    }));

const group = (text: string, folder: string, ...others: { text: string; link: string }[]) => ({
  text,
  collapsed: folder === 'decisions',
  items: [...others, ...itemsIn(folder)],
});

export default defineConfig({
  title: 'Stepwise',
  description: 'The typed API backend of a self-development service',
  // Documents link to the files beside docs/ as well.
  srcDir: '..',
  srcExclude: ['.*/**', '**/generators/**', 'drizzle/**', '**/dist/**', '**/coverage/**'],
  rewrites: (id) => id.replace(/(^|\/)README\.md$/, '$1index.md'),
  cacheDir: '../node_modules/.vitepress',
  // A server on the reader's machine, and files that are no documents: server/test/docs.test.ts holds that they exist.
  ignoreDeadLinks: [/^http:\/\/localhost/, /\/LICENSE$/, /\/\.env\.example$/],
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/' },
      { text: 'Documents', link: '/docs/' },
    ],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'Stepwise', link: '/' },
          { text: 'Architecture', link: '/docs/architecture' },
        ],
      },
      group('Guide', 'guide', { text: 'Client package', link: '/client/' }),
      group('Operations', 'operations', { text: 'Security', link: '/SECURITY' }),
      group('Migration', 'migration'),
      group('Development', 'development', { text: 'Contributing', link: '/CONTRIBUTING' }),
      group('Decisions', 'decisions', { text: 'All decisions', link: '/docs/decisions/' }),
      group('Reference', 'reference', { text: 'Released interfaces', link: '/docs/reference/released/' }),
    ],
  },
});
