import { onTestFinished } from 'vitest';

/**
 * Does something again and again, so many at a time, until it is told to stop, or the test has failed.
 * @returns what stops it; comes back when the last one is done
 */
export function keepDoing(
  callers: number,
  job: (caller: number, n: number) => Promise<unknown>,
): () => Promise<void> {
  let over = false;
  const done = Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let n = 0; !over; n++) await job(caller, n);
    }),
  );
  const stop = async () => {
    over = true;
    await done;
  };
  onTestFinished(() => {
    over = true;
  });
  return stop;
}
