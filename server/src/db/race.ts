/** Thrown when a statement lost every one of its races; the caller may try again later. */
export class WriteConflictError extends Error {
  override name = 'WriteConflictError';
  readonly code = '40001';
}

/**
 * Runs a statement that finds out by itself that it was planned on a state that has changed meanwhile, until it was not.
 * Each lost race is somebody else's success, so a few tries are enough.
 * @throws WriteConflictError after 10 tries
 */
export async function retryOnConflict<T extends { outcome: string }>(
  run: () => Promise<T>,
): Promise<Exclude<T, { outcome: 'conflict' }>> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const result = await run();
    if (result.outcome !== 'conflict') return result as Exclude<T, { outcome: 'conflict' }>;
  }
  throw new WriteConflictError('lost every race');
}
