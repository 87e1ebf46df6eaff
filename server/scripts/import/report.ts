// The report for the operator: a line for each row that was repaired or refused, and the sums at the end.

export interface Counts {
  read: number;
  copied: number;
  there: number;
  repaired: number;
  refused: number;
}

/** What became of the rows of one batch, held back until the batch is on disk. */
export interface Notes {
  repaired(source_id: string, how: string): void;
  refused(source_id: string, why: string): void;
  copied(count: number): void;
  there(count: number): void;
}

export interface Report {
  /** Notes of a batch; `commit` writes them. Notes without a commit are dropped. */
  batch(table: string): Notes & { commit(read: number): void };
  /** Says how far a table is, at most once a second unless it is done. */
  progress(table: string, total: number, done?: boolean): void;
  summary(): void;
}

/** @param say writes a line */
export function createReport(say: (line: string) => void): Report {
  const tables = new Map<string, Counts>();
  let said = 0;
  const countsOf = (table: string): Counts => {
    const counts = tables.get(table) ?? { read: 0, copied: 0, there: 0, repaired: 0, refused: 0 };
    tables.set(table, counts);
    return counts;
  };
  return {
    batch(table) {
      const lines: string[] = [];
      const sums: Counts = { read: 0, copied: 0, there: 0, repaired: 0, refused: 0 };
      return {
        repaired(source_id, how) {
          sums.repaired++;
          lines.push(`repaired ${table} ${source_id}: ${how}`);
        },
        refused(source_id, why) {
          sums.refused++;
          lines.push(`refused ${table} ${source_id}: ${why}`);
        },
        copied(count) {
          sums.copied += count;
        },
        there(count) {
          sums.there += count;
        },
        commit(read) {
          for (const line of lines) say(line);
          const counts = countsOf(table);
          for (const key of Object.keys(sums) as (keyof Counts)[]) counts[key] += sums[key];
          counts.read += read;
        },
      };
    },
    progress(table, total, done = false) {
      const { read } = countsOf(table);
      if (!done && (read === total || performance.now() - said < 1000)) return;
      said = performance.now();
      say(`${table}: ${read} of ${total}`);
    },
    summary() {
      const width = Math.max(...[...tables.keys()].map((table) => table.length));
      const line = (name: string, cells: readonly (string | number)[]) =>
        say(`${name.padEnd(width)} ${cells.map((cell) => String(cell).padStart(13)).join('')}`);
      line(
        '',
        ['read', 'copied', 'already there', 'repaired', 'refused'].map((head) => ` ${head}`),
      );
      for (const [table, { read, copied, there, repaired, refused }] of tables)
        line(table, [read, copied, there, repaired, refused]);
    },
  };
}
