// Whether the user of a token still exists, without asking the database at each request.

/** Milliseconds that "exists" may be remembered: the time until other instances refuse a removed user. */
const REMEMBERED = 10_000;
const LIMIT = 50_000;

export interface Presence {
  /** @returns whether the user exists; asks `lookup` when it is not remembered */
  exists(user_id: number): Promise<boolean>;
  /** The user was removed: on this instance that holds from now on, also for look-ups under way. */
  forget(user_id: number): void;
}

/** @param lookup asks the database whether a user exists */
export function createPresence(lookup: (user_id: number) => Promise<boolean>): Presence {
  const until = new Map<number, number>();
  let removals = 0;
  return {
    async exists(user_id) {
      const deadline = until.get(user_id);
      if (deadline !== undefined && deadline > performance.now()) return true;
      until.delete(user_id);
      const before = removals;
      if (!(await lookup(user_id))) return false;
      // An answer from before a removal may be out of date: use it once, do not keep it.
      if (removals === before) {
        if (until.size >= LIMIT) until.delete(until.keys().next().value as number);
        until.set(user_id, performance.now() + REMEMBERED);
      }
      return true;
    },
    forget(user_id) {
      removals++;
      until.delete(user_id);
    },
  };
}
