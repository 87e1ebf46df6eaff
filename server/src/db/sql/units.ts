// What the volume of a resource counts. Who says nothing gets what its type usually has; the column stays empty then.
import type { SQL } from 'drizzle-orm';
import { sql } from '../drizzle.ts';

// Not `case type when …`: Citus cannot send that of an enum to its nodes.
/** @returns the unit of the row `resource`, an alias of the table */
export const unitOf = (resource: string): SQL => {
  const row = sql.identifier(resource);
  return sql`
    coalesce(
      ${row}.unit,
      case
        when ${row}.type = 'book' then 'chapter'
        when ${row}.type = 'video' then 'minute'
        else 'lesson'
      end)`;
};

/** The same of a row that was read. */
export const USUAL_UNITS = { book: 'chapter', video: 'minute', course: 'lesson' } as const;
