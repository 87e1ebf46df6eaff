// People who follow their events, as a client does.
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { expect, onTestFinished } from 'vitest';
import { openStream, type Reader } from '../streams.ts';

export interface Listener {
  readonly login: string;
  /** The numbers of the events, as they came. */
  readonly heard: number[];
  /** How often the stream was begun again, and was refused. */
  readonly begun: number;
  readonly refused: readonly number[];
  /** Ends the stream, which is begun again after the last event. */
  interrupt(): void;
  leave(): Promise<void>;
}

/** Listens at the entrance until it leaves, and comes back with the last number whenever the stream ends, as a client does. */
export async function listen(entrance: string, login: string, token: string): Promise<Listener> {
  const heard: number[] = [];
  const refused: number[] = [];
  let last: number | undefined;
  let [begun, isOver] = [0, false];
  const come = async (): Promise<Reader> => {
    const reader = await openStream(entrance, '/events', { token }, last);
    if (reader.status === 200) begun++;
    else refused.push(reader.status);
    return reader;
  };
  let reader = await come();
  const listening = (async () => {
    while (!isOver) {
      for (let next = await reader.next(); next; next = await reader.next()) {
        last = next.id;
        if (/^(task|physicalPlan|body|export)\./.test(next.event.type)) heard.push(next.id);
        else expect(next.event.type).toMatch(/^(ready|end)$/);
      }
      if (isOver) return;
      await sleep(50);
      reader = await come().catch(() => reader);
    }
  })();
  const leave = () => {
    isOver = true;
    reader.leave();
    return listening;
  };
  onTestFinished(leave);
  return {
    login,
    heard,
    refused,
    get begun() {
      return begun;
    },
    interrupt: () => reader.leave(),
    leave,
  };
}

/** Everybody has heard each event, once and in order. */
export async function expectHeard(sql: postgres.Sql, listeners: readonly Listener[]): Promise<void> {
  for (const { login, heard } of listeners) {
    const [row] =
      await sql`select last::int as last from event_sequences join users on id = user_id where login = ${login}`;
    await expect.poll(() => heard.length).toBe(row?.last);
    expect(heard).toEqual(Array.from({ length: row?.last }, (_, index) => index + 1));
  }
}
