// The same where Patroni decides who the primary is.
import { test } from 'vitest';
import { failOver, startFailoverLoad } from './failoverLoad.ts';
import { startPatroniPair } from './patroni.ts';

/** In the gate once in each direction. */
const FAILOVERS = Number(process.env.FAILOVERS ?? 2);
const pair = await startPatroniPair();

test('#746 where Patroni decides who the primary is the same holds', {
  timeout: 600_000 + FAILOVERS * 60_000,
}, async () => {
  const load = await startFailoverLoad(pair.url);
  // Of every four one takes Patroni with it, and is replaced when its lease has run out.
  const times = await failOver(pair, load, FAILOVERS, (round) =>
    round % 4 === 3 ? pair.primary.killMachine() : pair.primary.kill(),
  );
  await load.expectJobsDone();
  const facts = await load.end(pair.primary.sql);
  console.log(`${FAILOVERS} failovers by Patroni:`, facts, 'ms:', times);
});
