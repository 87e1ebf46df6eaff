/** Thrown when every attempt of a statement met a conflict; the caller may try again later. */
export class WriteConflictError extends Error {
  override name = 'WriteConflictError';
  readonly code = '40001';
}

/**
 * Optimistic concurrency: runs a statement that detects that another change came in between, until none did. Each conflict
 * is another change's success, so a few attempts are enough.
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
