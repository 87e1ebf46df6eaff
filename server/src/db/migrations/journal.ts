import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The generated SQL migrations, in order of their journal. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../drizzle', import.meta.url));

/** The journal's text: it changes with each migration, so it names a state of the schema. */
export function readJournal(): Promise<string> {
  return readFile(`${MIGRATIONS_FOLDER}/meta/_journal.json`, 'utf8');
}

/** A migration: its name, and the time that identifies it. */
export interface JournalEntry {
  readonly tag: string;
  readonly when: number;
}

/** @returns all migrations, in their order */
export async function readEntries(): Promise<JournalEntry[]> {
  return (JSON.parse(await readJournal()) as { entries: JournalEntry[] }).entries;
}
