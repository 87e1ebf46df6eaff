// pnpm bench --storm: what reads wait while fifty people sign in at a time. Who is sent away comes back when told to.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from './environment.ts';
import { loadFully } from './load.ts';
import { median } from './results.ts';
import { requestOf } from './scenarios.ts';
import { createDatabase } from './seed.ts';
import { unpin } from './settings.ts';
import { warmSessionCache } from './warmSessions.ts';
import { prepareWorkload } from './workload.ts';

const USERS = 500;
const SIGN_INS = 50;
/** Few readers: what is measured is how long one waits, not how much the server can do. */
const READERS = 4;
const ROUNDS = 5;
const SECONDS = 3;
/** How many times its idle value p99 may be. */
const BOUND = 3;

/** @returns the exit code */
export async function watchStorm(environment: Environment): Promise<number> {
  unpin();
  const database = await environment.database((url, name) => createDatabase(url, name, USERS));
  const target = await environment.target('ours', database.url);
  const sessions = await database.sessions();
  const workload = await prepareWorkload(environment.folder, 'storm', database, sessions, ['tasks']);
  const read = async () => {
    await warmSessionCache(target, 'rest', sessions, SECONDS);
    return (
      await loadFully(target.origin, workload.script('tasks', 'rest'), READERS, SECONDS, environment.signal)
    ).p99;
  };
  let turn = 0;
  let answered = 0;
  const signIn = async () => {
    const { path, headers, body } = requestOf(
      'sign in',
      'rest',
      sessions[turn++ % sessions.length] as (typeof sessions)[number],
    );
    const answer = await fetch(target.origin + path, { method: 'POST', headers, body: body as string });
    await answer.arrayBuffer();
    if (![200, 429, 503].includes(answer.status))
      throw new Error(`a sign-in was answered with ${answer.status}`);
    if (answer.status === 200) answered++;
    // Asking again at once would be another thing: a flood, by a client that takes a core itself.
    else await sleep(1000 * Number(answer.headers.get('retry-after') ?? 1));
  };
  await read();
  const rounds: { idle: number; storm: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const idle = await read();
    let goesOn = true;
    const people = Array.from({ length: SIGN_INS }, async () => {
      while (goesOn) await signIn();
    });
    const storm = await read();
    goesOn = false;
    await Promise.all(people);
    rounds.push({ idle, storm });
    console.log(
      `round ${round}/${ROUNDS}: p99 of 20 tasks ${idle.toFixed(1)} ms, during ${SIGN_INS} sign-ins ${storm.toFixed(1)} ms`,
    );
  }
  const ratio = median(rounds.map(({ idle, storm }) => storm / idle)) as number;
  console.log(
    `${answered} people signed in; p99 was ${ratio.toFixed(2)} times the idle one (median), wanted ≤ ${BOUND}`,
  );
  return ratio <= BOUND ? 0 : 1;
}
