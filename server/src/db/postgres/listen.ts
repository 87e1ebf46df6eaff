// Listens for notifications of new events, on a connection of its own.
import type postgres from 'postgres';
import type { ChangeListener } from '../database.ts';
import { EVENTS_CHANNEL } from '../sql/eventLog.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import type { DatabaseUrl } from './driverOptions.ts';
import { DRIVER_OPTIONS, SESSION_TIMEOUTS } from './pools.ts';
import { type ServerInfo, sessionOptions } from './session.ts';

/** Between checks of the connection, and until a lost one is made again. */
const CHECK_INTERVAL_MS = 5000;
const RECONNECT_DELAY_MS = 200;

/**
 * Sends `listen` again and again: repeating it is harmless, shows that the connection is alive, and restores a lost one.
 * Events of the gap are in the table, so `onChange` is called for all users after a reconnection.
 */
export function listen(
  url: DatabaseUrl,
  probe: () => Promise<ServerInfo>,
  onChange: ChangeListener,
): () => Promise<void> {
  let listening = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let checking: Promise<void> = Promise.resolve();
  let client: postgres.Sql | undefined;
  const open = (server: ServerInfo) =>
    connect(url, {
      ...DRIVER_OPTIONS,
      ...sessionOptions(server, 'stepwise', SESSION_TIMEOUTS),
      max: 1,
      query_timeout: 3,
      idle_timeout: 0,
      max_lifetime: null,
      onnotify: (_channel: string, user_id: string) => onChange(Number(user_id)),
      onclose() {
        listening = false;
        scheduleCheck(RECONNECT_DELAY_MS);
      },
    } as ConnectionOptions);
  function scheduleCheck(wait: number): void {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(() => (checking = checkConnection()), wait);
  }
  async function checkConnection(): Promise<void> {
    try {
      const server = await probe();
      // There a notification reaches a session that belongs to somebody else by then.
      if (ended || server.pooler === 'transaction') return;
      client ??= open(server);
      const before = listening;
      listening = true;
      await client.unsafe(`listen ${EVENTS_CHANNEL}`);
      if (!before) onChange(undefined);
    } catch {
      listening = false;
    }
    scheduleCheck(listening ? CHECK_INTERVAL_MS : RECONNECT_DELAY_MS);
  }
  checking = checkConnection();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await client?.end({ timeout: 1 });
    await checking;
  };
}
