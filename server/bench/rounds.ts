// Rounds: in each, every target runs every scenario, in alternating order, so that drifts of the machine cancel out.

import { type Load, loadAtRate, loadFully } from './load.ts';
import { isSignedIn, type Scenario, type Transport } from './scenarios.ts';
import { CONNECTIONS } from './settings.ts';
import type { Target } from './target.ts';
import { warmSessionCache } from './warmSessions.ts';
import type { Workload } from './workload.ts';

/** A column of the tables: a target with one transport. */
export interface Column {
  readonly name: string;
  readonly transport: Transport;
  readonly target: Target;
  readonly workload: Workload;
  /** Whether it looks the session of a token up in the database, and caches it. */
  readonly checksSessions: boolean;
  /** Whether it runs in the first round alone. */
  readonly singleRound: boolean;
}

export interface Sample extends Load {
  readonly scenario: Scenario;
  readonly column: string;
  readonly round: number;
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds of processor time per request. */
  readonly cpu: number;
}

export interface RoundPlan {
  readonly scenarios: readonly { scenario: Scenario; columns: readonly Column[] }[];
  readonly rounds: number;
  /** Length of a measurement, in seconds. */
  readonly seconds: number;
  /** Length of each warm-up, in seconds. */
  readonly warmUpSeconds: number;
  /**
   * Time of the end, in milliseconds since 1970. With it scenarios whose code others have warmed up are not warmed up,
   * those without a threshold run once, and a round for which there is no time is left out.
   */
  readonly deadlineMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** Hashes wait in a queue that more connections would overflow. */
export const connectionsFor = (scenario: Scenario) => (scenario === 'sign in' ? 8 : CONNECTIONS);

/** A core hashes some forty passwords a second: a shorter measurement would count too few. */
export const secondsFor = (scenario: Scenario, seconds: number) =>
  scenario === 'sign in' ? Math.max(2, seconds) : seconds;

/** Scenarios whose code others have warmed up; hashes do not get faster. */
const WARMED_UP_BY_OTHERS: readonly Scenario[] = ['create', 'refused', 'sign in', 'ten tasks'];

/** Scenarios without a threshold against other frameworks. */
const WITHOUT_THRESHOLD: readonly Scenario[] = ['refused', 'sign in'];

/** Scenarios that leave rows behind, which are deleted after each measurement. */
const WRITES: readonly Scenario[] = ['create', 'sign in'];

export async function runRounds(plan: RoundPlan): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { scenario, columns } of plan.scenarios) {
    if (plan.deadlineMs && WARMED_UP_BY_OTHERS.includes(scenario)) continue;
    console.log(`warming up: ${scenario}`);
    for (const column of columns) await measure(plan, scenario, column, 0, plan.warmUpSeconds);
  }
  for (let round = 1, last = 0; round <= plan.rounds; round++) {
    const begun = Date.now();
    if (plan.deadlineMs && begun + last > plan.deadlineMs) {
      console.log(`no time for round ${round}`);
      break;
    }
    for (const { scenario, columns } of plan.scenarios) {
      const due = columns.filter(
        ({ singleRound }) =>
          round === 1 || !(singleRound || (plan.deadlineMs && WITHOUT_THRESHOLD.includes(scenario))),
      );
      if (due.length > 0) process.stdout.write(`round ${round}/${plan.rounds}, ${scenario}, requests/s:`);
      for (const column of round % 2 === 1 ? due : due.toReversed()) {
        const sample = await measure(plan, scenario, column, round, plan.seconds);
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
  plan: RoundPlan,
  scenario: Scenario,
  column: Column,
  round: number,
  seconds: number,
): Promise<Sample> {
  const { name, transport, target, workload } = column;
  plan.signal.throwIfAborted();
  if (round > 0 && column.checksSessions && isSignedIn(scenario))
    await warmSessionCache(target, transport, workload.sessions, seconds);
  const before = target.cpu();
  const result = await loadFully(
    target.origin,
    workload.script(scenario, transport),
    connectionsFor(scenario),
    secondsFor(scenario, seconds),
    plan.signal,
  );
  const cpu = ((target.cpu() - before) * 1000) / result.requests;
  expectAnswers(name, scenario, result);
  if (WRITES.includes(scenario)) await workload.database.reset();
  return { ...result, scenario, column: name, round, rate: result.requests / result.seconds, cpu };
}

/** @throws when requests failed, or when those that should be refused were not */
function expectAnswers(name: string, scenario: Scenario, { requests, refused, broken }: Load): void {
  const wrong = scenario === 'refused' ? requests - refused : refused;
  if (requests === 0 || wrong > 0 || broken > 0)
    throw new Error(
      `${name}, ${scenario}: of ${requests} requests ${wrong} got a wrong answer, ${broken} none`,
    );
}

export interface LatencySample extends Load {
  readonly scenario: Scenario;
  readonly column: string;
  readonly round: number;
  /** The fixed rate, in requests a second. */
  readonly arrivals: number;
}

export interface LatencyPlan {
  readonly jobs: readonly { scenario: Scenario; columns: readonly Column[]; arrivalsPerSecond: number }[];
  readonly rounds: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Measures latencies at a rate that every column of a scenario can take. */
export async function runLatencyRounds({
  jobs,
  rounds,
  seconds,
  signal,
}: LatencyPlan): Promise<LatencySample[]> {
  const samples: LatencySample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const { scenario, columns, arrivalsPerSecond: arrivals } of jobs) {
      process.stdout.write(`latency round ${round}/${rounds}, ${scenario} at ${arrivals}/s, p99 ms:`);
      for (const { name, transport, target, workload, checksSessions } of round % 2
        ? columns
        : columns.toReversed()) {
        signal.throwIfAborted();
        if (checksSessions && isSignedIn(scenario))
          await warmSessionCache(target, transport, workload.sessions, seconds);
        const script = workload.script(scenario, transport);
        const result = await loadAtRate(target.origin, script, CONNECTIONS, seconds, arrivals, signal);
        expectAnswers(name, scenario, result);
        if (WRITES.includes(scenario)) await workload.database.reset();
        samples.push({ ...result, scenario, column: name, round, arrivals });
        process.stdout.write(` ${name} ${result.p99.toFixed(1)}`);
      }
      process.stdout.write('\n');
    }
  return samples;
}
