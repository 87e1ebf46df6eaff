// pnpm bench --rss: whether memory stays where it is, however much is asked.
import type { Ground } from './ground.ts';
import { load } from './load.ts';
import type { Peer, PeerName } from './peer.ts';
import { RSS } from './promises.ts';
import { CONNECTIONS } from './settings.ts';
import type { Door, Work } from './works.ts';

const REQUESTS = 200_000;
/** Requests that warm up, and rounds of the mixture: caches fill, code is compiled. */
const WARM = 40_000;
const WARM_ROUNDS = 3;
/** How much more it may be at the end than after the warm-up. */
const GROWTH = 1.1;

const MIXTURE: readonly (readonly [Work, Door])[] = [
  ['tasks', 'rest'],
  ['tasks', 'trpc'],
  ['mental', 'rest'],
  ['plan', 'trpc'],
];

/** @returns the exit code */
export async function watchRss(
  peers: ReadonlyMap<PeerName, Peer>,
  ground: Ground,
  signal: AbortSignal,
): Promise<number> {
  const misses: string[] = [];
  const last = new Map<PeerName, number>();
  for (const name of ['hand', 'ours'] as const) {
    const peer = peers.get(name);
    if (!peer) continue;
    const mixture = MIXTURE.filter(([, door]) => name === 'ours' || door === 'rest');
    let done = 0;
    let warm: { rss: number; done: number } | undefined;
    for (let turn = 0; !warm || done < warm.done + REQUESTS; turn++) {
      const [work, door] = mixture[turn % mixture.length] as readonly [Work, Door];
      done += (await load(peer.origin, ground.script(work, door), CONNECTIONS, 3, signal)).requests;
      if (done >= WARM && turn + 1 >= WARM_ROUNDS * mixture.length) warm ??= { rss: peer.rss(), done };
      console.log(`${name}: ${done} requests, ${peer.rss().toFixed(0)} MiB`);
    }
    last.set(name, peer.rss());
    const growth = peer.rss() / warm.rss;
    console.log(`${name}: ${growth.toFixed(2)} times what it was after the first ${warm.done}`);
    if (name === 'ours' && growth > GROWTH)
      misses.push(`RSS grew to ${growth.toFixed(2)} times what it was, wanted ≤ ${GROWTH}`);
  }
  const [hand, ours] = [last.get('hand'), last.get('ours')];
  if (hand && ours) {
    console.log(`ours against hand: ${(ours / hand).toFixed(2)}`);
    if (ours / hand > RSS)
      misses.push(`RSS is ${(ours / hand).toFixed(2)} times that of hand, wanted ≤ ${RSS}`);
  }
  for (const miss of misses) console.error(`missed: ${miss}`);
  return misses.length > 0 ? 1 : 0;
}
