// What a run needs and leaves nothing of: a folder, a database, the peers.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../src/config.ts';
import { Peer, type PeerKind } from './peer.ts';
import type { BenchDatabase } from './seed.ts';

export interface Stage {
  readonly folder: string;
  readonly began: number;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  database(create: (url: string, name: string) => Promise<BenchDatabase>): Promise<BenchDatabase>;
  peer(kind: PeerKind, databaseUrl: string, name?: string, settings?: Record<string, string>): Promise<Peer>;
}

/** @param keep whether databases and logs stay */
export async function inStage<T>(keep: boolean, job: (stage: Stage) => Promise<T>): Promise<T> {
  const server = process.env.DATABASE_URL;
  if (!server)
    throw new ConfigError('DATABASE_URL: name a PostgreSQL server on which databases may be created');
  const folder = await mkdtemp(join(tmpdir(), 'stepwise-bench-'));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  const databases: BenchDatabase[] = [];
  const peers: Peer[] = [];
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
      async peer(kind, databaseUrl, name, settings) {
        const peer = await Peer.start(kind, databaseUrl, folder, name, settings);
        peers.push(peer);
        return peer;
      },
    });
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
    if (keep) console.log(`kept: ${folder} ${databases.map(({ url }) => url).join(' ')}`);
    await Promise.all(databases.map((database) => (keep ? database.sql.end() : database.drop())));
    if (!keep) await rm(folder, { recursive: true });
  }
}
