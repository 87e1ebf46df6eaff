// The rounds: in each, every work is done by one peer after the other, in turn forwards and backwards.
import type { Ground } from './ground.ts';
import { type Load, load } from './load.ts';
import type { Peer } from './peer.ts';
import { remember } from './remember.ts';
import { CONNECTIONS } from './settings.ts';
import { type Door, isSignedIn, type Work } from './works.ts';

/** One peer at one door: a column of the table. */
export interface Column {
  readonly name: string;
  readonly door: Door;
  readonly peer: Peer;
  readonly ground: Ground;
  /** Whether it looks into the database for the session of a token. */
  readonly checksSessions: boolean;
  /** Whether one round is enough. */
  readonly once: boolean;
}

export interface Sample extends Load {
  readonly work: Work;
  readonly column: string;
  readonly round: number;
  /** Requests per second. */
  readonly rate: number;
  /** Milliseconds of processor time per request. */
  readonly cpu: number;
}

export interface Plan {
  readonly works: readonly { work: Work; columns: readonly Column[] }[];
  readonly rounds: number;
  /** Seconds of a measurement, and of what comes before the first one. */
  readonly seconds: number;
  readonly warmUp: number;
  /**
   * When it has to be over, in milliseconds since 1970: then what others have warmed up is not warmed up again, what has
   * no bound takes one round, and a round for which there is no time is left out.
   */
  readonly until?: number | undefined;
  readonly signal: AbortSignal;
}

/** Hashes wait in a queue that more connections would overflow. */
const connectionsFor = (work: Work) => (work === 'sign in' ? 8 : CONNECTIONS);

/** A few hashes a second are as many as there can be: a shorter time would count none. */
const secondsFor = (work: Work, seconds: number) => (work === 'sign in' ? Math.max(2, seconds) : seconds);

/** Those that do what another work has done already, besides hashes, which do not get faster. */
const WARM: readonly Work[] = ['create', 'refused', 'sign in', 'ten tasks'];

/** What nothing is promised about, against others. */
const UNBOUNDED: readonly Work[] = ['refused', 'sign in'];

/** Writes leave rows behind. */
const WRITES: readonly Work[] = ['create', 'sign in'];

export async function runRounds(plan: Plan): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { work, columns } of plan.works) {
    if (plan.until && WARM.includes(work)) continue;
    console.log(`warming up: ${work}`);
    for (const column of columns) await measure(plan, work, column, 0, plan.warmUp);
  }
  for (let round = 1, last = 0; round <= plan.rounds; round++) {
    const begun = Date.now();
    if (plan.until && begun + last > plan.until) {
      console.log(`no time for round ${round}`);
      break;
    }
    for (const { work, columns } of plan.works) {
      const due = columns.filter(
        ({ once }) => round === 1 || !(once || (plan.until && UNBOUNDED.includes(work))),
      );
      if (due.length > 0) process.stdout.write(`round ${round}/${plan.rounds}, ${work}, requests/s:`);
      for (const column of round % 2 === 1 ? due : due.toReversed()) {
        const sample = await measure(plan, work, column, round, plan.seconds);
        samples.push(sample);
        process.stdout.write(
          ` ${column.name} ${Math.round(sample.rate)}${column === due.at(round % 2 === 1 ? -1 : 0) ? '\n' : ''}`,
        );
      }
    }
    last = Date.now() - begun;
  }
  return samples;
}

async function measure(
  plan: Plan,
  work: Work,
  column: Column,
  round: number,
  seconds: number,
): Promise<Sample> {
  const { name, door, peer, ground } = column;
  plan.signal.throwIfAborted();
  if (round > 0 && column.checksSessions && isSignedIn(work))
    await remember(peer, door, ground.sessions, seconds);
  const before = peer.cpu();
  const result = await load(
    peer.origin,
    ground.script(work, door),
    connectionsFor(work),
    secondsFor(work, seconds),
    plan.signal,
  );
  const cpu = ((peer.cpu() - before) * 1000) / result.requests;
  const refused = work === 'refused' ? result.requests - result.refused : result.refused;
  if (result.requests === 0 || refused > 0 || result.broken > 0)
    throw new Error(
      `${name}, ${work}: of ${result.requests} requests ${refused} were not answered as they should be, ${result.broken} not at all`,
    );
  if (WRITES.includes(work)) await ground.database.tidy();
  return { ...result, work, column: name, round, rate: result.requests / result.seconds, cpu };
}
