// pnpm bench --rss: whether memory stays flat over many requests.

import { loadFully } from './load.ts';
import type { Scenario, Transport } from './scenarios.ts';
import { CONNECTIONS } from './settings.ts';
import type { Target, TargetName } from './target.ts';
import { MAX_RSS_RATIO } from './thresholds.ts';
import type { Workload } from './workload.ts';

const REQUESTS = 200_000;
/** Requests of the warm-up, in which caches fill and code is compiled. */
const WARM_UP_REQUESTS = 40_000;
const WARM_UP_ROUNDS = 3;
/** Most memory at the end, as a multiple of that after the warm-up. */
const MAX_GROWTH = 1.1;

const MIXTURE: readonly (readonly [Scenario, Transport])[] = [
  ['tasks', 'rest'],
  ['tasks', 'trpc'],
  ['mental', 'rest'],
  ['plan', 'trpc'],
];

/** @returns the exit code */
export async function watchRss(
  targets: ReadonlyMap<TargetName, Target>,
  workload: Workload,
  signal: AbortSignal,
): Promise<number> {
  const misses: string[] = [];
  const last = new Map<TargetName, number>();
  for (const name of ['baseline', 'ours'] as const) {
    const target = targets.get(name);
    if (!target) continue;
    const mixture = MIXTURE.filter(([, transport]) => name === 'ours' || transport === 'rest');
    let done = 0;
    let warm: { rss: number; done: number } | undefined;
    for (let turn = 0; !warm || done < warm.done + REQUESTS; turn++) {
      const [scenario, transport] = mixture[turn % mixture.length] as readonly [Scenario, Transport];
      done += (await loadFully(target.origin, workload.script(scenario, transport), CONNECTIONS, 3, signal))
        .requests;
      if (done >= WARM_UP_REQUESTS && turn + 1 >= WARM_UP_ROUNDS * mixture.length)
        warm ??= { rss: target.rss(), done };
      console.log(`${name}: ${done} requests, ${target.rss().toFixed(0)} MiB`);
    }
    last.set(name, target.rss());
    const growth = target.rss() / warm.rss;
    console.log(`${name}: ${growth.toFixed(2)} times what it was after the first ${warm.done}`);
    if (name === 'ours' && growth > MAX_GROWTH)
      misses.push(`RSS grew to ${growth.toFixed(2)} times what it was, wanted ≤ ${MAX_GROWTH}`);
  }
  const [baseline, ours] = [last.get('baseline'), last.get('ours')];
  if (baseline && ours) {
    console.log(`ours against baseline: ${(ours / baseline).toFixed(2)}`);
    if (ours / baseline > MAX_RSS_RATIO)
      misses.push(`RSS is ${(ours / baseline).toFixed(2)} times that of baseline, wanted ≤ ${MAX_RSS_RATIO}`);
  }
  for (const miss of misses) console.error(`missed: ${miss}`);
  return misses.length > 0 ? 1 : 0;
}
