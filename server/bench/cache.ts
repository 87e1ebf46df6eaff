// pnpm bench --cache: what our caches bring, and what others would. Needs a Redis (REDIS_URL).

import type { Environment } from './environment.ts';
import { loadFully } from './load.ts';
import { markdown } from './report.ts';
import { median } from './results.ts';
import type { Scenario, Session } from './scenarios.ts';
import { createDatabase } from './seed.ts';
import { CONNECTIONS, USERS } from './settings.ts';
import type { Target } from './target.ts';
import { NONCE } from './token.ts';
import { warmSessionCache } from './warmSessions.ts';
import { prepareWorkload } from './workload.ts';

const ROUNDS = 5;
const SECONDS = 3;

/** Sessions of a user, where none is to come twice within the ten seconds for which it is remembered. */
const MANY = 30;

interface Variant {
  readonly what: string;
  readonly scenario: Scenario;
  readonly cache: string;
  /** Whether sessions are asked for anew. */
  readonly strangers?: boolean;
}

/** Each against the first of its scenario. */
const VARIANTS: readonly Variant[] = [
  { what: 'as it is', scenario: 'tasks', cache: 'nothing' },
  { what: 'no session remembered', scenario: 'tasks', cache: 'nothing', strangers: true },
  { what: 'as it is', scenario: 'plan', cache: 'nothing' },
  { what: 'view put together anew', scenario: 'plan', cache: 'no views' },
  { what: 'and catalogue read for it', scenario: 'plan', cache: 'no catalogue' },
  { what: 'view in Redis, never asked about', scenario: 'plan', cache: 'Redis' },
  { what: 'view in memory, never asked about', scenario: 'plan', cache: 'memory' },
  { what: 'as it is', scenario: 'mental', cache: 'nothing' },
  { what: 'view put together anew', scenario: 'mental', cache: 'no views' },
  { what: 'view in Redis, never asked about', scenario: 'mental', cache: 'Redis' },
  { what: 'view in memory, never asked about', scenario: 'mental', cache: 'memory' },
];

/** @returns the exit code */
export async function compareCaches(environment: Environment): Promise<number> {
  const database = await environment.database((url, name) => createDatabase(url, name, USERS));
  const sessions = await database.sessions();
  const workload = await prepareWorkload(environment.folder, 'known', database, sessions, [
    'tasks',
    'plan',
    'mental',
  ]);
  await database.sql`
    insert into sessions (user_id, device, nonce, idle_expires_at, absolute_expires_at)
    select id, 'bench', ${NONCE}, now() + interval '7 days', now() + interval '30 days' from users, generate_series(1, ${MANY}::int) n order by n, id`;
  const strange = await database.sql<Session[]>`
    select user_id, id as rest, id as trpc from sessions where id > ${Math.max(...sessions.map(({ trpc }) => trpc))} order by id`;
  const strangers = await prepareWorkload(environment.folder, 'strange', database, strange, ['tasks']);

  const targets = new Map<string, Target>();
  for (const cache of new Set(VARIANTS.map((variant) => variant.cache)))
    targets.set(
      cache,
      await environment.target('cached', database.url, cache.replace(' ', '-'), { CACHE: cache }),
    );

  const rates = new Map(VARIANTS.map((variant) => [variant, [] as number[]]));
  const costs = new Map(VARIANTS.map((variant) => [variant, [] as number[]]));
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const variant of round % 2 ? VARIANTS : VARIANTS.toReversed()) {
      const target = targets.get(variant.cache) as Target;
      if (!variant.strangers) await warmSessionCache(target, 'rest', sessions, SECONDS);
      const before = target.cpu();
      const script = (variant.strangers ? strangers : workload).script(variant.scenario, 'rest');
      const { requests, seconds, refused, broken } = await loadFully(
        target.origin,
        script,
        CONNECTIONS,
        SECONDS,
        environment.signal,
      );
      if (refused + broken > 0)
        throw new Error(
          `${variant.scenario}, ${variant.what}: ${refused + broken} of ${requests} requests failed`,
        );
      if (round === 0) continue;
      rates.get(variant)?.push(requests / seconds);
      costs.get(variant)?.push(((target.cpu() - before) * 1000) / requests);
    }
    console.log(`round ${round}/${ROUNDS}`);
  }
  const rows = VARIANTS.map((variant) => {
    const first = VARIANTS.find(({ scenario }) => scenario === variant.scenario) as Variant;
    const against = rates.get(first) as number[];
    const ratio = median(
      (rates.get(variant) as number[]).map((rate, round) => rate / (against[round] as number)),
    );
    const [rate, cost] = [median(rates.get(variant) as number[]), median(costs.get(variant) as number[])];
    return [
      `${variant.scenario}: ${variant.what}`,
      rate?.toFixed(0) ?? '',
      ratio?.toFixed(2) ?? '',
      cost?.toFixed(3) ?? '',
    ];
  });
  console.log(`\n${markdown(['medians', 'requests/s', 'against as it is', 'CPU ms/request'], rows)}\n`);
  return 0;
}
