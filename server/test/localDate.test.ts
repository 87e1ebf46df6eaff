// The date in TypeScript (client and tests) against the database's, which the server goes by: over all zones that both
// know, around each change of clocks. Zone data age differently, so a zone may differ where one of the two is newer.
import { describe, expect, test } from 'vitest';
import type { Database } from '../src/db/database.ts';
import { sql } from '../src/db/drizzle.ts';
import { localDate } from '../src/domain/index.ts';
import { openTestDatabase } from './harness.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Within these years the zone data of both have long been settled. */
const [FROM, UNTIL] = [Date.UTC(2019, 0), Date.UTC(2026, 0)];

const database = await openTestDatabase();
const { db } = database;

/** Minutes that the wall clock in the zone is ahead of UTC. */
function offsets(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  return (instant) => {
    const name = format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours = 0, minutes = 0] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  };
}

/** @returns the instants (ms, whole minutes) at which the clocks of the zone change */
function changesOf(zone: string): number[] {
  const offsetAt = offsets(zone);
  const found: number[] = [];
  // Ten days are shorter than any summer time; Morocco's pause in Ramadan is a month.
  for (let from = FROM; from < UNTIL; from += 10 * DAY_MS) {
    let [low, high] = [from, from + 10 * DAY_MS];
    if (offsetAt(low) === offsetAt(high)) continue;
    const before = offsetAt(low);
    while (high - low > 60_000) {
      const middle = low + Math.floor((high - low) / 120_000) * 60_000;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** A second before the change, and each hour around it: where a day begins is one of them, for every day_start. */
const around = (change: number): number[] => [
  change - 1000,
  ...Array.from({ length: 29 }, (_, n) => change + (n - 14) * HOUR_MS),
];

/** @returns the zones of Intl that the database knows too */
async function zonesOf(on: Database): Promise<string[]> {
  const known = await on.execute<{ name: string }>(sql`select name from pg_timezone_names`);
  const names = new Set(known.map(({ name }) => name));
  return Intl.supportedValuesOf('timeZone').filter((zone) => names.has(zone));
}

/** @returns the database's dates of the instants, for each day_start of 0 to 12 one after the other */
async function datesOf(zone: string, instants: readonly number[]): Promise<string[]> {
  const [row] = await db.execute<{ dates: string[] }>(sql`
    select json_agg(local_date(to_timestamp(at::float8 / 1000), ${zone}::text, start)::text order by place, start) as dates
    from json_array_elements_text(${JSON.stringify(instants)}::text::json) with ordinality as sent(at, place),
      generate_series(0, 12) as start`);
  return row?.dates ?? [];
}

/** @returns minutes that the database's wall clock in the zone is ahead of UTC */
async function databaseOffset(zone: string, at: number): Promise<number> {
  const [row] = await db.execute<{ minutes: number }>(sql`
    select (extract(epoch from
      (to_timestamp(${at}::float8 / 1000) at time zone ${zone}::text)
      - (to_timestamp(${at}::float8 / 1000) at time zone 'UTC')) / 60)::float8 as minutes`);
  return row?.minutes ?? Number.NaN;
}

describe('#609 the date of TypeScript is that of SQL', async () => {
  const zones = await zonesOf(db);

  test('both know nearly all zones of Intl', () => {
    const all = Intl.supportedValuesOf('timeZone');
    const unknown = all.filter((zone) => !zones.includes(zone));
    expect(all.length).toBeGreaterThan(400);
    expect(unknown.length, `not known to the database: ${unknown.join(', ')}`).toBeLessThanOrEqual(5);
  });

  test('in every zone, around each change of clocks of seven years, for every day_start', async () => {
    const differences: string[] = [];
    const otherZoneData: string[] = [];
    let compared = 0;
    let changed = 0;
    for (const zone of zones) {
      const changes = changesOf(zone);
      if (changes.length > 0) changed++;
      const random = (n: number) => FROM + ((n * 2_654_435_761) % 2_557) * DAY_MS + n * 1_234_567;
      const instants = [...changes.flatMap(around), ...Array.from({ length: 20 }, (_, n) => random(n))];
      const dates = await datesOf(zone, instants);
      const expected = instants.flatMap((at) =>
        Array.from({ length: 13 }, (_, start) => localDate(at, zone, start)),
      );
      compared += expected.length;
      expect(dates, zone).toHaveLength(expected.length);
      for (const [n, date] of dates.entries()) {
        if (date === expected[n]) continue;
        const at = instants[Math.floor(n / 13)] as number;
        const told = `${zone} ${new Date(at).toISOString()} day_start ${n % 13}: ${date}, Intl ${expected[n]}`;
        // Where the clocks themselves differ, the zone data do, and the rule has nothing to answer for.
        const isOtherClock = (await databaseOffset(zone, at)) !== offsets(zone)(at);
        (isOtherClock ? otherZoneData : differences).push(told);
      }
    }
    expect(changed).toBeGreaterThan(100);
    expect(compared).toBeGreaterThan(500_000);
    const zonesApart = new Set(otherZoneData.map((told) => told.split(' ')[0]));
    if (zonesApart.size > 0)
      console.log(
        `${database.engine} has other zone data than Node.js (${process.versions.tz}), and its date holds, in`,
        [...zonesApart].join(', '),
        `for example ${otherZoneData[0]}`,
      );
    expect(differences, 'although the clocks of both say the same').toEqual([]);
    expect(zonesApart.size).toBeLessThanOrEqual(zones.length / 20);
  });
});
