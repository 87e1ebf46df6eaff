// Twelve people who write, read what they wrote and listen, on two servers, while their database goes and comes back.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { expect } from 'vitest';
import { freePort } from './cluster.ts';
import { expectStored, newJournal, writeOne } from './journal.ts';
import { watchLateness } from './lateness.ts';
import { expectHeard, listen } from './listener.ts';
import { repeatUntilStopped } from './load.ts';
import type { Pair } from './pair.ts';
import { call, register, type ServerProcess, startServer } from './servers.ts';

const PEOPLE = 12;
/** From the promotion until everybody was acknowledged a write. */
const WRITES_AGAIN_MS = 3000;
/** Of the answers that were given under a key, so many are asked for again. */
const KEYS_ASKED_AGAIN = 20;

interface Person {
  readonly login: string;
  readonly token: string;
  /** The id of the newest task that was acknowledged. */
  newest: number;
}

interface KeyedAnswer {
  readonly token: string;
  readonly key: string;
  readonly title: string;
  readonly body: unknown;
}

export interface FailoverLoad {
  readonly servers: readonly ServerProcess[];
  /** Writes that were acknowledged so far. */
  acknowledged(): number;
  /** Comes back when so many more were. */
  acknowledges(more: number): Promise<void>;
  /** Comes back when so many more calls were refused, as they are while there is no primary. */
  refuses(more: number): Promise<void>;
  /** @returns milliseconds from that moment, of the promotion, until everybody was acknowledged a write: less than three seconds */
  writesAgain(since: number): Promise<number>;
  /** Keys that were answered before are answered again, and the same. */
  expectKeysKnown(): Promise<void>;
  /** Background work is begun, and done. */
  expectJobsDone(): Promise<void>;
  /** Streams of half of the people are begun again, after the last event that they got. */
  interruptStreams(): void;
  /** The load ends. What was acknowledged is stored once, every event was heard once, nothing was answered but as it should. */
  end(sql: postgres.Sql): Promise<Readonly<Record<string, unknown>>>;
}

/** To be called within a test. @param DATABASE_URL of a database without tables */
export async function startFailoverLoad(DATABASE_URL: string): Promise<FailoverLoad> {
  const start = async () =>
    startServer({ PORT: String(await freePort()), DATABASE_URL, RATE_LIMIT: 'off', LOG_LEVEL: 'info' });
  const servers = [await start(), await start()] as const;
  const urlOf = (n: number) => (servers[n % 2] as ServerProcess).url;
  const people: Person[] = [];
  for (let n = 0; n < PEOPLE; n++) {
    const login = `person-${n}`;
    people.push({ login, token: await register(urlOf(n), login), newest: 0 });
  }
  // They hear on the one server what is written on the other.
  const listeners = await Promise.all(
    people.map(({ login, token }, n) => listen(urlOf(n + 1), login, token)),
  );

  const journal = newJournal();
  const reads: Record<string, number> = {};
  const stale: string[] = [];
  const keyed: KeyedAnswer[] = [];
  /** When each writer was acknowledged its first write since somebody waits for that. */
  let writtenAt: (number | undefined)[] = [];

  const note = (n: number, person: Person, id: number | undefined) => {
    if (id !== undefined) person.newest = Math.max(person.newest, id);
    writtenAt[n] ??= performance.now();
  };

  /** Sends it until it is answered, each time under the same key. */
  async function writeUnderKey(url: string, token: string, title: string): Promise<number | undefined> {
    const key = `key-${title}`;
    for (let attempt = 0; !isOver; attempt++) {
      const { status, body, retryAfter, why } = await call(
        url,
        'POST',
        '/outherTasks',
        token,
        { title },
        { 'idempotency-key': key },
      );
      journal.statuses[status] = (journal.statuses[status] ?? 0) + 1;
      if (status === 201) {
        journal.acknowledged.push(title);
        keyed.push({ token, key, title, body });
        return body.id;
      }
      // Its connection was lost before the database noticed.
      const stillRuns = attempt > 0 && status === 409 && body.code === 'IDEMPOTENCY_IN_PROGRESS';
      if (!stillRuns && (status !== 503 || !retryAfter))
        journal.wrong.push(`under a key: ${status} ${why ?? JSON.stringify(body)}`);
      await sleep(20);
    }
    return undefined;
  }

  let isOver = false;
  const stopWriting = repeatUntilStopped(PEOPLE, async (n, count) => {
    const person = people[n] as Person;
    const [url, name] = [urlOf(n), `${n}-${count}`];
    if (count % 3 === 2) {
      const id = await writeUnderKey(url, person.token, name);
      if (id !== undefined) note(n, person, id);
    } else {
      const isPlan = count % 6 === 4;
      const { status, body } = await writeOne(url, person.token, name, isPlan, journal);
      if (status === 201) note(n, person, isPlan ? undefined : body.id);
      else await sleep(20);
    }
  });
  const stopReading = repeatUntilStopped(PEOPLE, async (n) => {
    const { token, newest } = people[n] as Person;
    // From either server: both read where both write.
    const { status, body, retryAfter, why } = await call(
      urlOf(Math.round(Math.random())),
      'GET',
      '/outherTasks?limit=1',
      token,
    );
    reads[status] = (reads[status] ?? 0) + 1;
    if (status === 200 && (body[0]?.id ?? 0) < newest) stale.push(`${body[0]?.id} < ${newest}`);
    if (status !== 200 && (status !== 503 || !retryAfter)) journal.wrong.push(`a read: ${status} ${why}`);
    await sleep(status === 200 ? 10 : 20);
  });

  const until = (isSo: () => boolean) => expect.poll(isSo, { interval: 10 }).toBe(true);
  const acknowledged = () => journal.acknowledged.length;
  return {
    servers,
    acknowledged,
    acknowledges(more) {
      const enough = acknowledged() + more;
      return until(() => acknowledged() >= enough);
    },
    refuses(more) {
      const enough = (journal.statuses[503] ?? 0) + more;
      return until(() => (journal.statuses[503] ?? 0) >= enough);
    },
    async writesAgain(since) {
      const lateMs = watchLateness();
      writtenAt = [];
      await until(() => people.every((_, n) => writtenAt[n] !== undefined));
      const ms = Math.round(Math.max(...writtenAt.map((at = 0) => at - since)));
      expect(ms - lateMs()).toBeLessThan(WRITES_AGAIN_MS);
      return ms;
    },
    async expectKeysKnown() {
      for (const { token, key, title, body } of keyed.slice(-KEYS_ASKED_AGAIN)) {
        const headers = { 'idempotency-key': key };
        const again = await call(urlOf(0), 'POST', '/outherTasks', token, { title }, headers);
        expect(again).toMatchObject({ status: 201, body });
      }
    },
    async expectJobsDone() {
      const { token } = people[0] as Person;
      const exported = await call(urlOf(0), 'POST', '/users/me/exports', token);
      expect(exported.status).toBe(202);
      const state = async () =>
        (await call(urlOf(1), 'GET', `/users/me/exports/${exported.body.id}`, token)).body.state;
      await expect.poll(state, { interval: 100 }).toBe('done');
    },
    interruptStreams() {
      for (const [n, listener] of listeners.entries()) if (n % 2 === 0) listener.interrupt();
    },
    async end(sql) {
      isOver = true;
      await Promise.all([stopWriting(), stopReading()]);
      const facts = {
        writes: journal.statuses,
        reads,
        keys: keyed.length,
        'streams begun': listeners.reduce((sum, { begun }) => sum + begun, 0),
      };
      await sql`analyze`;
      expect(journal.wrong).toEqual([]);
      expect(stale, 'reads that missed what was acknowledged before').toEqual([]);
      expect(servers.map((server) => server.ended())).toEqual([undefined, undefined]);
      await expectStored(sql, journal);
      await expectHeard(sql, listeners);
      return facts;
    },
  };
}

/** Milliseconds of each failover. */
export interface FailoverTimes {
  /** From the kill to the promotion. */
  readonly promoted: number[];
  /** From the promotion until everybody was acknowledged a write. */
  readonly written: number[];
}

/** Kills the primary so many times, in both directions, and comes back when people write on a pair again. */
export async function failOver(
  pair: Pair,
  load: FailoverLoad,
  times: number,
  kill: (round: number) => Promise<void>,
  onPromoted: () => void = () => {},
): Promise<FailoverTimes> {
  const [promoted, written]: [number[], number[]] = [[], []];
  await load.acknowledges(300);
  for (let round = 0; round < times; round++) {
    const killed = performance.now();
    await kill(round);
    await load.refuses(12);
    const since = await pair.promote();
    onPromoted();
    load.interruptStreams();
    promoted.push(Math.round(since - killed));
    written.push(await load.writesAgain(since));
    await load.expectKeysKnown();
    // The next one goes in the other direction.
    await pair.rebuild();
    await load.acknowledges(300);
  }
  return { promoted, written };
}
