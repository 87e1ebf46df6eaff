// What a failed statement means, told by its SQLSTATE; the text of a driver's error is never looked at or shown.

/** SQLSTATE classes and codes that say "not now": connection (08), resources (53), shutdown (57P), timeouts, conflicts. */
const UNAVAILABLE_SQLSTATES = /^(08|53|57P|58|57014|55P03|40001|40P01|25006|25P03)/;

/** The driver's own codes, our gate's and our sockets', and Node's for sockets. */
const UNAVAILABLE_CODES =
  /^(TLS_|QUEUE_FULL|CONNECTION_|CONNECT_TIMEOUT|ACQUIRE_TIMEOUT|QUERY_TIMEOUT|TRANSACTION_|ECONN|EPIPE|EMFILE|ENFILE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/;

/** @returns the code of the error or of the error that it wraps (Drizzle wraps the driver's), if it has one */
export function databaseCode(error: unknown): string | undefined {
  for (let depth = 0; error instanceof Error && depth < 5; depth++, error = error.cause) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return undefined;
}

/** @returns whether the database is away or too busy, so that the same call may work later */
export function isUnavailable(code: string): boolean {
  return UNAVAILABLE_SQLSTATES.test(code) || UNAVAILABLE_CODES.test(code);
}

/** @returns whether waiting does not help: the server, or its certificate, is not what the settings ask for */
export function isPermanent(code: string): boolean {
  return code.startsWith('TLS_');
}

/** A value that a column or a function does not take (data exception): a contract let it through. */
export function isInvalidValue(code: string): boolean {
  return code.startsWith('22');
}

/** A row that the statement refers to has gone (foreign_key_violation). */
export function isMissingReference(code: string): boolean {
  return code === '23503';
}
