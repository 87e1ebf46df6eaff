// The host to connect to: of several the one whose sessions are what target_session_attrs asks for.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { databaseCode, isUnavailable } from '../errors.ts';
import type { ConnectionSettings, Host } from './connectionSettings.ts';
import { driverOptions } from './driverOptions.ts';
import {
  isSuitable,
  SELECT_SESSION_STATE,
  sessionStateOf,
  UnsuitableError,
  withProbeTimeout,
} from './sessionState.ts';
import { CONNECT_TIMEOUT_SECONDS, connectToHost } from './socket.ts';

/** Once a host is found, the others have so long to answer. */
const GRACE_MS = 1000;

/** Until a host that was not suitable is asked again. */
const ASK_AGAIN_MS = 200;

/** How long a host may take to say what it is. */
const ANSWER_TIMEOUT_SECONDS = 2;

/** What is known of the hosts of a connection string, for all that connect by it. */
interface HostChoice {
  /** What was found, as long as a connection to it is open and none was lost: a host that went away can come back as another. */
  current: Host | undefined;
  searching: Promise<Host> | undefined;
  readonly open: Map<Socket, Host>;
  /** The highest timeline of a primary so far. Each promotion begins a new one, so a lower one is that of a former primary. */
  timeline: number;
}

const choices = new WeakMap<ConnectionSettings, HostChoice>();

function choiceOf(settings: ConnectionSettings): HostChoice {
  const known = choices.get(settings);
  if (known) return known;
  const choice = { current: undefined, searching: undefined, open: new Map(), timeline: 0 };
  choices.set(settings, choice);
  return choice;
}

const hasChoice = ({ hosts, targetSession }: ConnectionSettings): boolean =>
  hosts.length > 1 && targetSession !== 'any';

/** @returns a socket to the host. @throws UnsuitableError, or why no host can be reached */
export async function openSocket(settings: ConnectionSettings): Promise<Socket> {
  if (!hasChoice(settings)) return connectToFirst(settings);
  const choice = choiceOf(settings);
  const host = choice.current ?? (await search(settings, choice));
  try {
    const socket = await connectToHost(host, settings);
    if (choice.current === undefined || choice.current === host) return track(socket, host, choice);
    // Another one was found meanwhile.
    socket.destroy();
    throw new UnsuitableError(settings.targetSession);
  } catch (error) {
    forget(choice, host);
    throw error;
  }
}

async function connectToFirst(settings: ConnectionSettings): Promise<Socket> {
  let failure: unknown;
  for (const host of inOrder(settings)) {
    try {
      return await connectToHost(host, settings);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const inOrder = ({ hosts, isShuffled }: ConnectionSettings): readonly Host[] =>
  isShuffled ? hosts.toSorted(() => Math.random() - 0.5) : hosts;

function track(socket: Socket, host: Host, choice: HostChoice): Socket {
  choice.open.set(socket, host);
  const isEndedByUs = () => socket.writableEnded;
  return socket
    .once('end', () => isEndedByUs() || forget(choice, host))
    .once('close', () => {
      choice.open.delete(socket);
      if (!isEndedByUs() || ![...choice.open.values()].includes(host)) forget(choice, host);
    });
}

function forget(choice: HostChoice, host: Host): void {
  if (choice.current === host) choice.current = undefined;
}

/**
 * To be called when a session turns out to be no longer what was asked for. If another host is, connections to the
 * former one are closed, whoever uses them.
 */
export function findHostAgain(settings: ConnectionSettings): void {
  if (!hasChoice(settings)) return;
  const choice = choiceOf(settings);
  choice.current = undefined;
  search(settings, choice).catch(() => {});
}

/** Callers at the same time share a search. */
function search(settings: ConnectionSettings, choice: HostChoice): Promise<Host> {
  choice.searching ??= searchNow(settings, choice).finally(() => {
    choice.searching = undefined;
  });
  return choice.searching;
}

interface Candidate {
  readonly host: Host;
  readonly rank: number;
}

/** Asks all hosts at once, as one that is away must not delay the others, and takes the first in order of the best. */
async function searchNow(settings: ConnectionSettings, choice: HostChoice): Promise<Host> {
  const hosts = inOrder(settings);
  const candidates: (Candidate | undefined)[] = [];
  const silent = new Set(hosts);
  const over = Promise.withResolvers<void>();
  const answered = (host: Host) => silent.delete(host) && silent.size === 0 && over.resolve();
  const asking = hosts.map(async (host, place) => {
    for (;;) {
      try {
        candidates[place] = { host, rank: await rankOf(host, settings, choice) };
        answered(host);
        return;
      } catch (error) {
        answered(host);
        // While another one is waited for, this one may become what it has to be.
        const isOver = await Promise.race([
          over.promise.then(() => true),
          sleep(ASK_AGAIN_MS, false, { ref: false }),
        ]);
        if (isOver) throw error;
      }
    }
  });
  const asked = Promise.allSettled(asking);
  const found = Promise.any(asking).then(
    () => sleep(GRACE_MS, undefined, { ref: false }),
    () => asked,
  );
  await Promise.race([asked, found]);
  over.resolve();
  const [best] = candidates
    .filter((one) => one !== undefined)
    .toSorted((one, other) => other.rank - one.rank);
  if (best === undefined) throw reasonOf(await asked);
  choice.current = best.host;
  if (writes(settings)) {
    choice.timeline = Math.max(choice.timeline, best.rank);
    for (const [socket, host] of choice.open) if (host !== best.host) socket.destroy();
  }
  return best.host;
}

/** What an operator has to repair comes first, then that hosts are there and unsuitable. */
function reasonOf(asked: readonly PromiseSettledResult<void>[]): unknown {
  const reasons = asked.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined));
  return (
    reasons.find((reason) => !isUnavailable(databaseCode(reason) ?? '')) ??
    reasons.find((reason) => reason instanceof UnsuitableError) ??
    reasons.at(-1)
  );
}

const writes = ({ targetSession }: ConnectionSettings): boolean =>
  targetSession === 'read-write' || targetSession === 'primary';

/**
 * Asks a host on a connection of its own, because it answers only after authentication.
 * @returns the timeline of a primary; of others whether it is preferred
 * @throws UnsuitableError, or why it cannot be asked
 */
async function rankOf(host: Host, settings: ConnectionSettings, choice: HostChoice): Promise<number> {
  const { targetSession } = settings;
  const options = {
    max: 1,
    fetch_types: false,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    query_timeout: ANSWER_TIMEOUT_SECONDS,
    onnotice: () => {},
    connection: { application_name: 'stepwise' },
  };
  const client = postgres(driverOptions(settings, options, () => connectToHost(host, settings)));
  try {
    const answer = await client.unsafe(withProbeTimeout(SELECT_SESSION_STATE));
    const state = sessionStateOf(answer);
    if (!isSuitable(targetSession, state)) throw new UnsuitableError(targetSession);
    if (!writes(settings)) return Number(state.in_recovery);
    const timeline = await timelineOf(client);
    if (timeline < choice.timeline) throw new UnsuitableError(targetSession);
    return timeline;
  } finally {
    void client.end({ timeout: 1 });
  }
}

/** 0 if the server does not tell: not each that speaks as PostgreSQL does has a log with timelines. */
async function timelineOf(client: postgres.Sql): Promise<number> {
  const file = 'pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())';
  const answer = await client.unsafe(withProbeTimeout(`select ${file} as file`)).catch(() => []);
  const [row] = answer.flat() as { file?: string }[];
  return Number.parseInt(row?.file?.slice(0, 8) ?? '0', 16);
}

interface Greeting {
  readonly text: string;
  refuse(answer: readonly object[], pid: number): Error | undefined;
}

/**
 * The host may have become another since it was found, and of one host nothing was asked: so each session is asked before
 * it is used.
 * @param greeting what else is asked
 * @param isReadOnly whether the session was made read-only by us
 */
export function greetingOf(
  settings: ConnectionSettings,
  greeting: Greeting | undefined,
  isReadOnly: boolean,
): Greeting | undefined {
  if (settings.targetSession === 'any') return greeting;
  return {
    text: `${greeting ? `${greeting.text}; ` : ''}${SELECT_SESSION_STATE}`,
    refuse(answer, pid) {
      const rest = greeting ? answer.slice(0, -1) : [];
      return refusalOf(settings, answer, isReadOnly) ?? greeting?.refuse(rest, pid);
    },
  };
}

/** @throws if writes cannot be expected to succeed, whatever was asked for. @param answer as of `refusalOf` */
export function requireWritable(settings: ConnectionSettings, answer: readonly object[]): void {
  if (isSuitable('read-write', sessionStateOf(answer))) return;
  findHostAgain(settings);
  throw new UnsuitableError('read-write');
}

/** @param answer that ends with the state of the session. @returns why the session must not be used */
export function refusalOf(
  settings: ConnectionSettings,
  answer: readonly object[],
  isReadOnly = false,
): UnsuitableError | undefined {
  const state = sessionStateOf(answer);
  const { targetSession } = settings;
  if (isSuitable(targetSession, isReadOnly ? { ...state, read_only: state.in_recovery } : state)) return;
  findHostAgain(settings);
  return new UnsuitableError(targetSession);
}
