/** What only an operator can repair. The message says how, in one line or more, and holds no secret. */
export abstract class OperatorError extends Error {
  /** The setting that is to be changed, where the message does not name it. */
  declare readonly setting?: string;
}
