import { OperatorError } from '../../src/operatorError.ts';

/** What an operator can repair; the message tells what, and holds no URL and nothing of a row. */
export class ImportError extends OperatorError {
  override name = 'ImportError';
}
