// The resources of a run, which are removed at its end: a folder, databases, targets.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../src/config.ts';
import type { EmptyDatabase } from './seed.ts';
import { Target, type TargetKind } from './target.ts';

export interface Environment {
  readonly folder: string;
  readonly began: number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  database<T extends EmptyDatabase>(create: (url: string, name: string) => Promise<T>): Promise<T>;
  target(
    kind: TargetKind,
    databaseUrl: string,
    name?: string,
    settings?: Record<string, string>,
    checkout?: string,
  ): Promise<Target>;
}

/** @param keep whether databases and logs stay */
export async function withEnvironment<T>(
  keep: boolean,
  job: (environment: Environment) => Promise<T>,
): Promise<T> {
  const server = process.env.DATABASE_URL;
  if (!server)
    throw new ConfigError('DATABASE_URL: name a PostgreSQL server on which databases may be created');
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-bench-'));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  const databases: EmptyDatabase[] = [];
  const targets: Target[] = [];
  try {
    return await job({
      folder,
      began: Date.now(),
      signal: stop.signal,
      async database(create) {
        const name = `stepwise_bench_${randomBytes(4).toString('hex')}`;
        const begun = performance.now();
        const database = await create(server, name);
        databases.push(database);
        console.log(`database ${name} seeded in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
        return database;
      },
      async target(kind, databaseUrl, name, settings, checkout) {
        const target = await Target.start(kind, databaseUrl, folder, name, settings, checkout);
        targets.push(target);
        return target;
      },
    });
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
    if (keep) console.log(`kept: ${folder} ${databases.map(({ url }) => url).join(' ')}`);
    await Promise.all(databases.map((database) => (keep ? database.sql.end() : database.drop())));
    if (!keep) await rm(folder, { recursive: true });
  }
}
