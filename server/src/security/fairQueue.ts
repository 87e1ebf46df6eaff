// A bounded queue that its clients share fairly: whoever sends many jobs waits behind their own, not others behind them.

/** Thrown to a job that is given no place: all are taken, and its client has its share of them. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
}

export interface FairQueue {
  /** Runs the job when it is its client's turn. @throws QueueFullError */
  <T>(client: string, job: () => Promise<T>): Promise<T>;
  readonly counts: { readonly running: number; readonly waiting: number; readonly refused: number };
}

interface Waiter {
  readonly start: () => void;
  readonly refuse: (error: QueueFullError) => void;
}

/**
 * Clients are served in rotation, the jobs of one client in their order. When the queue is full, a client with fewer
 * waiting jobs takes the last place of the client with the most.
 * @param concurrency jobs that run at the same time
 * @param capacity jobs that may wait
 */
export function createFairQueue(concurrency: number, capacity: number): FairQueue {
  /** In the order in which clients are served next. */
  const waiting = new Map<string, Waiter[]>();
  const counts = { running: 0, waiting: 0, refused: 0 };

  function makeRoom(client: string): void {
    const [longest = []] = [...waiting.values()].toSorted((a, b) => b.length - a.length);
    counts.refused++;
    const own = waiting.get(client)?.length ?? 0;
    if (own + 1 >= longest.length) throw new QueueFullError();
    counts.waiting--;
    longest.pop()?.refuse(new QueueFullError());
  }

  function wait(client: string): Promise<void> {
    if (counts.waiting >= capacity) makeRoom(client);
    return new Promise((start, refuse) => {
      const waiter = { start, refuse };
      const own = waiting.get(client);
      if (own) own.push(waiter);
      else waiting.set(client, [waiter]);
      counts.waiting++;
    });
  }

  /** Hands the place of a job that has ended to the next client. */
  function next(): void {
    const [first] = waiting;
    if (!first) {
      counts.running--;
      return;
    }
    const [client, own] = first;
    waiting.delete(client);
    if (own.length > 1) waiting.set(client, own);
    counts.waiting--;
    own.shift()?.start();
  }

  async function run<T>(client: string, job: () => Promise<T>): Promise<T> {
    if (counts.running >= concurrency) await wait(client);
    else counts.running++;
    try {
      return await job();
    } finally {
      next();
    }
  }
  return Object.assign(run, { counts });
}
