import { onTestFinished } from 'vitest';

/**
 * Repeats a job, with so many callers at a time, until it is stopped or the test has failed.
 * @returns stops it, and resolves when the last job is done
 */
export function repeatUntilStopped(
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
