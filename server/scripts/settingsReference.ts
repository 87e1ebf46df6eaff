// The settings as operators read them, from the schema in settings.ts: a part of two files, and the rest of each is written by hand.
import { z } from 'zod';
import { SETTINGS } from '../src/settings.ts';

const COLUMNS = 100;

interface Setting {
  readonly name: string;
  /** In Markdown, with links as seen from docs/operations. */
  readonly description: string;
  /** In words. */
  readonly fallback: string;
  /** What the example file sets: the default, or nothing where it depends on something. */
  readonly value: string;
}

interface Meta {
  readonly description?: string;
  readonly fallback?: string;
}

function settingOf(name: string, schema: z.ZodType): Setting {
  const { description, fallback } = (schema.meta() ?? {}) as Meta;
  if (description === undefined) throw new Error(`${name} has no description`);
  const value = schema instanceof z.ZodDefault ? textOf(schema.def.defaultValue) : '';
  return { name, description, fallback: fallback ?? (value === '' ? 'none' : value), value };
}

function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return Array.isArray(value) ? value.join(',') : String(value);
}

const sections = Object.entries(SETTINGS).map(([title, settings]) => ({
  title,
  settings: Object.entries<z.ZodType>(settings).map(([name, schema]) => settingOf(name, schema)),
}));

/** Breaks lines between words; code and links stay whole. */
function wrap(text: string, first: string, others: string): string {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const [word] of text.matchAll(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g)) {
    if (!isEmpty && [...line].length + 1 + [...word].length > COLUMNS) {
      lines.push(line);
      line = others;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}

const asMarkdown = () =>
  sections
    .map(({ title, settings }) => {
      const rows = settings.map(({ name, description, fallback, value }) => {
        const shown = value === '' ? fallback : `\`${value}\``;
        return wrap(`\`${name}\` (default ${shown}): ${description}`, '- ', '  ');
      });
      return `### ${title}\n\n${rows.join('\n')}\n`;
    })
    .join('\n');

const asExample = () =>
  sections
    .map(({ settings }) =>
      settings
        .map(({ name, description, fallback, value }) => {
          const plain = description.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
          return `${wrap(`${plain} Default: ${fallback}`, '# ', '# ')}\n${name}=${value}\n`;
        })
        .join(''),
    )
    .join('\n');

interface Generated {
  readonly path: string;
  /** The lines that the part stands between. */
  readonly begin: string;
  readonly end: string;
  readonly write: () => string;
}

export const GENERATED: readonly Generated[] = [
  {
    path: 'docs/operations/configuration.md',
    begin: '<!-- From server/src/settings.ts, by `pnpm run settings`. -->',
    end: '<!-- By hand from here on. -->',
    write: asMarkdown,
  },
  {
    path: '.env.example',
    begin: '# From server/src/settings.ts, by `pnpm run settings`, down to what is for docker compose.',
    end: '# For docker-compose.yml and docker-compose.scale.yml.',
    write: asExample,
  },
];

/** @returns the file with its settings written anew */
export function withSettings(text: string, { path, begin, end, write }: Generated): string {
  const from = text.indexOf(`${begin}\n`);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${path} does not say where its settings stand`);
  return `${text.slice(0, from)}${begin}\n\n${write()}\n${text.slice(to)}`;
}
