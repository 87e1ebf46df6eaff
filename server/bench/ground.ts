// What a server is asked on: a database, who asks, and the requests, written down for the load generator.
import { type Script, writeScript } from './load.ts';
import type { BenchDatabase } from './seed.ts';
import { type Door, requestOf, type Session, type Work } from './works.ts';

export interface Ground {
  readonly database: BenchDatabase;
  /** Who asks. */
  readonly sessions: readonly Session[];
  script(work: Work, door: Door): Script;
}

/** @param name tells the files of several grounds in one folder apart */
export async function prepare(
  folder: string,
  name: string,
  database: BenchDatabase,
  sessions: readonly Session[],
  works: readonly Work[],
): Promise<Ground> {
  const scripts = new Map<string, Script>();
  for (const work of works)
    for (const door of ['rest', 'trpc'] as const) {
      const requests = sessions.map((session) => requestOf(work, door, session));
      scripts.set(
        `${work} ${door}`,
        await writeScript(folder, `${name}-${work}-${door}`.replace(' ', '-'), requests),
      );
    }
  return { database, sessions, script: (work, door) => scripts.get(`${work} ${door}`) as Script };
}
