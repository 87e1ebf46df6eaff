// What an operator sees of the queues, and can do about dead letters.
import type { PgBoss } from 'pg-boss';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

/** The queue of jobs that failed permanently. The log names each once, and they are kept for a month. */
export const DEAD_LETTER_QUEUE = 'dead-letters';

/** The newest dead letters are shown, at most so many. */
const MAX_SHOWN = 50;

export interface Overview {
  readonly queues: readonly {
    readonly name: string;
    readonly waiting: number;
    readonly active: number;
    readonly failed: number;
  }[];
  readonly deadLetters: readonly DeadLetter[];
}

export interface DeadLetter {
  readonly job: string;
  /** The id of the job, as in the log. */
  readonly job_id: string;
  /** When the last attempt failed. */
  readonly at: Date;
  readonly attempts: number;
  readonly reason: string | undefined;
}

/** @throws if no server or worker has created the queues yet */
export async function readOverview(boss: PgBoss): Promise<Overview> {
  const ask = async (text: string, values: unknown[]) => (await boss.getDb().executeSql(text, values)).rows;
  const queues = await ask(
    `select q.name, (count(*) filter (where j.state in ('created', 'retry')))::int as waiting,
      (count(*) filter (where j.state = 'active'))::int as active, (count(*) filter (where j.state = 'failed'))::int as failed
    from pgboss.queue q left join pgboss.job j on j.name = q.name
    where q.name <> $1 and q.name not like '\\_\\_%' group by q.name order by q.name`,
    [DEAD_LETTER_QUEUE],
  );
  const letters = await ask(
    `select source_name as job, source_id as job_id, created_on as at, source_retry_count + 1 as attempts, source_output as output
    from pgboss.job where name = $1 order by created_on desc limit $2`,
    [DEAD_LETTER_QUEUE, MAX_SHOWN],
  );
  return {
    queues,
    deadLetters: letters.map(({ output, ...letter }) => ({ ...letter, reason: reasonOf(output) })),
  };
}

/** @returns the message of the error that a job ended with; pg-boss wraps its own errors */
export function reasonOf(output: object | null): string | undefined {
  const { message, value } = (output ?? {}) as { message?: string; value?: { message?: string } };
  return message ?? value?.message;
}

/**
 * Retries a job that failed permanently, or forgets it.
 * @param job_id as in the overview and the log
 * @returns `waits already` if another job of its key is queued: then the dead letter is deleted all the same
 */
export async function resolveDeadLetter(
  boss: PgBoss,
  job_id: string,
  how: 'retry' | 'forget',
): Promise<'sent' | 'waits already' | 'forgotten' | 'unknown'> {
  const { rows } = await boss
    .getDb()
    .executeSql(`select id from pgboss.job where name = $1 and source_id::text = $2`, [
      DEAD_LETTER_QUEUE,
      job_id,
    ]);
  const [letter] = rows[0] ? await boss.findJobs<object>(DEAD_LETTER_QUEUE, { id: rows[0].id }) : [];
  if (!letter?.sourceName) return 'unknown';
  const { singletonKey } = letter;
  const sent =
    how === 'retry' &&
    (await boss.send(letter.sourceName, letter.data, singletonKey === null ? {} : { singletonKey }));
  // Last: if this is interrupted, the dead letter is still there, and a job that is sent twice has one effect.
  await boss.deleteJob(DEAD_LETTER_QUEUE, letter.id);
  return how === 'forget' ? 'forgotten' : sent ? 'sent' : 'waits already';
}

/** pg-boss counts once a minute, on one of the instances. */
const CACHE_TTL_MS = 10_000;

/** @returns metrics of the queues: the counts that one instance stores for all, read when metrics are scraped */
export function jobMeasures(
  names: readonly string[],
  boss: () => PgBoss | undefined,
): readonly MetricDefinition[] {
  let known: Awaited<ReturnType<PgBoss['getQueues']>> = [];
  let read = Number.NEGATIVE_INFINITY;

  // A scrape does not wait: it gets the counts that the scrape before it requested.
  function latest() {
    if (performance.now() - read > CACHE_TTL_MS) {
      read = performance.now();
      boss()
        ?.getQueues([...names, DEAD_LETTER_QUEUE])
        .then((queues) => (known = queues))
        .catch(() => {});
    }
    return known;
  }
  const each = (count: (queue: (typeof known)[number]) => number) => () =>
    Object.fromEntries(
      names.map((name) => [
        name,
        sum(
          latest().filter((queue) => queue.name === name),
          count,
        ),
      ]),
    );
  return [
    {
      name: 'stepwise_jobs_waiting',
      help: 'Jobs that wait for their turn or for the next try, by queue',
      type: 'gauge',
      label: 'queue',
      read: each(({ queuedCount }) => queuedCount),
    },
    {
      name: 'stepwise_jobs_active',
      help: 'Jobs that are being done, by queue',
      type: 'gauge',
      label: 'queue',
      read: each(({ activeCount }) => activeCount),
    },
    {
      name: 'stepwise_jobs_dead',
      help: 'Jobs that failed for good and that nobody has settled yet (pnpm jobs)',
      type: 'gauge',
      read: () =>
        sum(
          latest().filter(({ name }) => name === DEAD_LETTER_QUEUE),
          ({ totalCount }) => totalCount,
        ),
    },
  ];
}

const sum = <T>(rows: readonly T[], count: (row: T) => number): number =>
  rows.reduce((total, row) => total + count(row), 0);
