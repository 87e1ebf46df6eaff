// Reads the columns of one row of the source and makes of them what our contract and CHECKs allow. What is said about
// a row names columns and limits, never what stood there: it is people's data.

/** A row of the source, every column as PostgreSQL writes it. */
export type SourceRow = Readonly<Record<string, string | null> & { id: string }>;

/** Thrown when no honest value can be made; the message says why. */
export class RefusedRowError extends Error {
  override name = 'RefusedRowError';
}

export function refuseRow(why: string): never {
  throw new RefusedRowError(why);
}

/** What stands where a text that must not be empty was. */
const NO_TEXT = '—';

export interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
  /** For a number that is missing; without one the row is refused. */
  readonly fallback?: number;
}

export class RowSanitizer {
  /** What was changed, in words. */
  readonly repairs: string[] = [];
  readonly #row: SourceRow;

  constructor(row: SourceRow) {
    this.#row = row;
  }

  /** @returns text of 1 to `max` characters that is not blank */
  text(column: string, max: number): string {
    const value = this.textOrEmpty(column, max, NO_TEXT);
    if (/[^\p{White_Space}\p{Cc}\p{Cf}]/u.test(value)) return value;
    this.repairs.push(`${column} was blank, made ${NO_TEXT}`);
    return NO_TEXT;
  }

  /** @returns text of at most `max` characters */
  textOrEmpty(column: string, max: number, missing = ''): string {
    const value = this.#row[column] ?? null;
    if (value === null) {
      this.repairs.push(`${column} was missing, made ${missing || 'empty'}`);
      return missing;
    }
    const characters = [...value];
    if (characters.length <= max) return value;
    this.repairs.push(`${column} was cut to ${max} characters`);
    return characters.slice(0, max).join('');
  }

  number(column: string, { min, max, whole = false, fallback }: NumberRule): number {
    const value = this.finite(column);
    if (value === undefined) {
      const wrong = this.#row[column] == null ? 'missing' : 'no number';
      if (fallback === undefined) refuseRow(`${column} is ${wrong}`);
      this.repairs.push(`${column} was ${wrong}, made ${fallback}`);
      return fallback;
    }
    const rounded = whole ? Math.floor(value) : value;
    if (rounded !== value) this.repairs.push(`${column} was no whole number, rounded down`);
    if (rounded >= min && rounded <= max) return rounded;
    const limit = rounded < min ? min : max;
    this.repairs.push(`${column} was ${rounded < min ? 'below' : 'above'} ${limit}, made ${limit}`);
    return limit;
  }

  /** @returns the number in a column, undefined when there is none */
  finite(column: string): number | undefined {
    const value = this.#row[column];
    const number = value == null || value.trim() === '' ? Number.NaN : Number(value);
    return Number.isFinite(number) ? number : undefined;
  }

  /** An enum's name, in any case and with or without the name of its class ("Gender.MALE"). */
  choice<T extends string>(column: string, values: readonly T[]): T {
    const name = this.#row[column]?.split('.').at(-1)?.trim().toLowerCase();
    return values.find((value) => value === name) ?? refuseRow(`${column} is none of ${values.join(', ')}`);
  }

  flag(column: string): boolean {
    const value = this.#row[column]?.trim().toLowerCase();
    if (['true', 't', '1'].includes(value ?? '')) return true;
    if (!['false', 'f', '0'].includes(value ?? ''))
      this.repairs.push(`${column} was neither true nor false, made false`);
    return false;
  }

  /** @returns a point in time for PostgreSQL; one without a zone is UTC, as the source's session is */
  time(column: string): string {
    const value = this.#row[column];
    // Infinity and years before Christ or of five digits are no dates on the wire.
    const parts = value?.match(/^(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?)(?:\+00)?$/);
    if (parts) return `${parts[1]}+00`;
    this.repairs.push(`${column} was ${value == null ? 'missing' : 'no date'}, made today`);
    return new Date().toISOString();
  }
}
