// What an operator reads when a start or a script fails.
import { databaseCode, isUnavailable } from './db/errors.ts';
import { OperatorError } from './operatorError.ts';

/** SQLSTATEs of a server that answers, and will not let us in. */
const CONNECTION_REFUSALS: Record<string, string> = {
  '28P01': 'the password is wrong',
  '28000': 'this user may not connect, or not without TLS (sslmode=require)',
  '3D000': 'there is no such database',
};

/** What the file system answers where something cannot be read or written. */
const FILE_ERRORS: ReadonlySet<string | undefined> = new Set([
  'EACCES',
  'EDQUOT',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** @returns one line for what an operator can repair, naming the setting; anything else as it is, with its stack */
export function describeStartupError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof OperatorError)
    return `stepwise: ${error.setting === undefined ? '' : `${error.setting}: `}${error.message}`;
  const { code, syscall, port, path } = error as NodeJS.ErrnoException & { port?: number };
  if (path !== undefined && FILE_ERRORS.has(code))
    return `stepwise: ${path} cannot be used (${code}); DATA_DIR names the folder that is written to`;
  if (code === 'EADDRINUSE')
    return `stepwise: PORT, METRICS_PORT: something else listens on port ${port}; stop it, or choose another`;
  if (syscall === 'listen') return `stepwise: HOST, PORT: cannot listen there (${code})`;
  const reason = databaseCode(error);
  if (reason !== undefined && CONNECTION_REFUSALS[reason])
    return `stepwise: the database refuses the connection: ${CONNECTION_REFUSALS[reason]}; check its URL (DATABASE_URL)`;
  // What PostgreSQL says of rights names objects, and never a value.
  if (reason === '42501')
    return `stepwise: the database refuses the user of its URL (DATABASE_URL): ${messageWithCode(error)}`;
  if (reason === '55P03')
    return 'stepwise: a table that is to be changed is in use by others; try again later';
  if (reason === 'CONNECTION_UNSUITABLE')
    return 'stepwise: only hosts that take no writes can be reached, standbys perhaps; check its URL (DATABASE_URL)';
  if (reason !== undefined && (isUnavailable(reason) || syscall === 'connect'))
    return `stepwise: the database cannot be reached (${reason}); check its URL (DATABASE_URL)`;
  return error;
}

/** The words of the error that has the code: others may be wrapped around it. */
function messageWithCode(error: Error): string {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause) return cause.message;
  return error.message;
}
