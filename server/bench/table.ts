// The tables, as Markdown that is readable in a terminal too.
import type { Verdict } from './promises.ts';
import type { Results } from './results.ts';
import { WORKS } from './works.ts';

const round = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '–';

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) =>
    Math.max(3, ...[cell, ...rows.map((row) => row[i] ?? '')].map((text) => text.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Requests per second: hand's own, and everybody's against hand's. */
export function ratioTable(results: Results, columns: readonly string[]): string {
  const others = columns.filter((column) => column !== 'hand');
  const rows = WORKS.filter((work) => columns.some((column) => results.of(work, column).length > 0)).map(
    (work) => [
      work === 'ten tasks' ? 'ten tasks, per read' : work,
      round(results.median(work, 'hand', 'rate'), 0),
      ...others.map((column) => round(results.againstHand(work, column), 2)),
    ],
  );
  return markdown(['requests/s against hand', 'hand', ...others], rows);
}

/** Everything that was measured. */
export function detailTable(results: Results, columns: readonly string[]): string {
  const rows = WORKS.flatMap((work) =>
    columns
      .filter((column) => results.of(work, column).length > 0)
      .map((column) => [
        `${work}, ${column}`,
        round(results.median(work, column, 'rate'), 0),
        round(results.median(work, column, 'p50'), 2),
        round(results.median(work, column, 'p99'), 2),
        round(results.median(work, column, 'cpu'), 3),
      ]),
  );
  return markdown(['medians', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms/request'], rows);
}

export function rssTable(rss: Readonly<Record<string, number>>): string {
  return markdown(
    ['after the run', 'RSS MiB'],
    Object.entries(rss).map(([name, value]) => [name, round(value, 0)]),
  );
}

export function missTable(missed: readonly Verdict[]): string {
  return markdown(
    ['missed', 'measured', 'wanted'],
    missed.map(({ what, value, bound }) => [what, round(value, 2), bound]),
  );
}
