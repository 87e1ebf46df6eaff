// The documents of the last release, and the changes since that were made on purpose.
import { readFile } from 'node:fs/promises';

/** A change that breaks clients and is meant to. */
interface IntendedChange {
  /** The line of the failed test, word by word. */
  readonly change: string;
  /** Why it is worth it, and what a client does about it. */
  readonly reason: string;
}

export interface IntendedChanges {
  readonly openapi: readonly IntendedChange[];
  readonly router: readonly IntendedChange[];
}

/** @returns the text of a file of docs/reference/released */
export const releasedText = (name: string): Promise<string> =>
  readFile(new URL(`../../docs/reference/released/${name}`, import.meta.url), 'utf8');

export const intended: IntendedChanges = JSON.parse(await releasedText('intended.json'));

/** @returns what is wrong: changes that nobody meant, and changes that are listed and were not found or have no reason */
export function unintended(changes: readonly string[], listed: readonly IntendedChange[]): string[] {
  const known = new Set(listed.map(({ change }) => change));
  return [
    ...changes.filter((change) => !known.has(change)),
    ...listed
      .filter(({ change }) => !changes.includes(change))
      .map(({ change }) => `listed in intended.json, and not found: ${change}`),
    ...listed
      .filter(({ reason }) => reason.trim().length < 20)
      .map(({ change }) => `listed in intended.json without a reason: ${change}`),
  ];
}
