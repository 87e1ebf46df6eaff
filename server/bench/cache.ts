// pnpm bench --cache: what our caches bring, and what others would. Needs a Redis (REDIS_URL).
import { prepare } from './ground.ts';
import { load } from './load.ts';
import type { Peer } from './peer.ts';
import { remember } from './remember.ts';
import { median } from './results.ts';
import { createDatabase } from './seed.ts';
import { CONNECTIONS, USERS } from './settings.ts';
import type { Stage } from './stage.ts';
import { markdown } from './table.ts';
import { NONCE } from './token.ts';
import type { Session, Work } from './works.ts';

const ROUNDS = 5;
const SECONDS = 3;

/** Sessions of a user, where none is to come twice within the ten seconds for which it is remembered. */
const MANY = 30;

interface Variant {
  readonly what: string;
  readonly work: Work;
  readonly cache: string;
  /** Whether sessions are asked for anew. */
  readonly strangers?: boolean;
}

/** Each against the first of its work. */
const VARIANTS: readonly Variant[] = [
  { what: 'as it is', work: 'tasks', cache: 'nothing' },
  { what: 'no session remembered', work: 'tasks', cache: 'nothing', strangers: true },
  { what: 'as it is', work: 'plan', cache: 'nothing' },
  { what: 'view put together anew', work: 'plan', cache: 'no views' },
  { what: 'and catalogue read for it', work: 'plan', cache: 'no catalogue' },
  { what: 'view in Redis, never asked about', work: 'plan', cache: 'Redis' },
  { what: 'view in memory, never asked about', work: 'plan', cache: 'memory' },
  { what: 'as it is', work: 'mental', cache: 'nothing' },
  { what: 'view put together anew', work: 'mental', cache: 'no views' },
  { what: 'view in Redis, never asked about', work: 'mental', cache: 'Redis' },
  { what: 'view in memory, never asked about', work: 'mental', cache: 'memory' },
];

/** @returns the exit code */
export async function compareCaches(stage: Stage): Promise<number> {
  const database = await stage.database((url, name) => createDatabase(url, name, USERS));
  const sessions = await database.sessions();
  const ground = await prepare(stage.folder, 'known', database, sessions, ['tasks', 'plan', 'mental']);
  await database.sql`
    insert into sessions (user_id, device, nonce, idle_expires_at, absolute_expires_at)
    select id, 'bench', ${NONCE}, now() + interval '7 days', now() + interval '30 days' from users, generate_series(1, ${MANY}::int) n order by n, id`;
  const strange = await database.sql<Session[]>`
    select user_id, id as rest, id as trpc from sessions where id > ${Math.max(...sessions.map(({ trpc }) => trpc))} order by id`;
  const strangers = await prepare(stage.folder, 'strange', database, strange, ['tasks']);

  const peers = new Map<string, Peer>();
  for (const cache of new Set(VARIANTS.map((variant) => variant.cache)))
    peers.set(cache, await stage.peer('cached', database.url, cache.replace(' ', '-'), { CACHE: cache }));

  const rates = new Map(VARIANTS.map((variant) => [variant, [] as number[]]));
  const costs = new Map(VARIANTS.map((variant) => [variant, [] as number[]]));
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const variant of round % 2 ? VARIANTS : VARIANTS.toReversed()) {
      const peer = peers.get(variant.cache) as Peer;
      if (!variant.strangers) await remember(peer, 'rest', sessions, SECONDS);
      const before = peer.cpu();
      const script = (variant.strangers ? strangers : ground).script(variant.work, 'rest');
      const { requests, seconds, refused, broken } = await load(
        peer.origin,
        script,
        CONNECTIONS,
        SECONDS,
        stage.signal,
      );
      if (refused + broken > 0)
        throw new Error(
          `${variant.work}, ${variant.what}: ${refused + broken} of ${requests} requests failed`,
        );
      if (round === 0) continue;
      rates.get(variant)?.push(requests / seconds);
      costs.get(variant)?.push(((peer.cpu() - before) * 1000) / requests);
    }
    console.log(`round ${round}/${ROUNDS}`);
  }
  const rows = VARIANTS.map((variant) => {
    const first = VARIANTS.find(({ work }) => work === variant.work) as Variant;
    const against = rates.get(first) as number[];
    const ratio = median(
      (rates.get(variant) as number[]).map((rate, round) => rate / (against[round] as number)),
    );
    const [rate, cost] = [median(rates.get(variant) as number[]), median(costs.get(variant) as number[])];
    return [
      `${variant.work}: ${variant.what}`,
      rate?.toFixed(0) ?? '',
      ratio?.toFixed(2) ?? '',
      cost?.toFixed(3) ?? '',
    ];
  });
  console.log(`\n${markdown(['medians', 'requests/s', 'against as it is', 'CPU ms/request'], rows)}\n`);
  return 0;
}
