// What the SQLSTATE of a failed statement means. The text of a driver's error is never read or shown.

/** SQLSTATE classes and codes that say "not now": connection (08), resources (53), shutdown (57P), timeouts, conflicts. */
const UNAVAILABLE_SQLSTATES = /^(08|53|57P|58|57014|55P03|40001|40P01|25006|25P03)/;

/** Codes of the driver, of our limiter and sockets, and of Node.js for sockets. */
const UNAVAILABLE_CODES =
  /^(TLS_|QUEUE_FULL|CONNECTION_|CONNECT_TIMEOUT|ACQUIRE_TIMEOUT|QUERY_TIMEOUT|TRANSACTION_|ECONN|EPIPE|EMFILE|ENFILE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/;

/**
 * What a statement of a transaction is given as whose types a migration has changed since it was prepared: it says as much, try
 * again. PostgreSQL's own code for that, 0A000, also means that it cannot do something at all.
 */
const SERIALIZATION_FAILURE = '40001';

/**
 * Where Citus ends a statement because it lost a node, or because the coordinator was killed that it runs on. It gives these
 * errors no code of their own, so they come as PostgreSQL's for a fault inside of it, XX000.
 */
const LOST_NODE_ROUTINES: readonly unknown[] = [
  'MarkRemoteTransactionFailed',
  'CheckRemoteTransactionsHealth',
  'ProcessWaitEvents',
  'ProcessWaitEventsForSocketClosed',
  'FinishConnectionListEstablishment',
  'FinishConnectionIO',
  'WaitForAllConnections',
];
const CONNECTION_FAILURE = '08006';

/** @returns the code of the error or of the error that it wraps (Drizzle wraps the driver's), if it has one */
export function databaseCode(error: unknown): string | undefined {
  for (let depth = 0; error instanceof Error && depth < 5; depth++, error = error.cause) {
    const { code, routine } = error as { code?: unknown; routine?: unknown };
    if (code === '0A000' && routine === 'RevalidateCachedQuery') return SERIALIZATION_FAILURE;
    if (code === 'XX000' && LOST_NODE_ROUTINES.includes(routine)) return CONNECTION_FAILURE;
    if (typeof code === 'string') return code;
  }
  return undefined;
}

/** @returns whether the database is unavailable or too busy, so the same call may succeed later */
export function isUnavailable(code: string): boolean {
  return UNAVAILABLE_SQLSTATES.test(code) || UNAVAILABLE_CODES.test(code);
}

/** @returns whether waiting does not help: the server or its certificate is not what the settings require */
export function isPermanent(code: string): boolean {
  return code.startsWith('TLS_');
}

/** Data exception: a contract let a value through that a column or function refuses. */
export function isInvalidValue(code: string): boolean {
  return code.startsWith('22');
}

/** foreign_key_violation: a row that the statement refers to is gone. */
export function isMissingReference(code: string): boolean {
  return code === '23503';
}

/** unique_violation: another statement has written a row with the same key. */
export function isTaken(code: string): boolean {
  return code === '23505';
}
