// Servers that check sessions remember an open one for ten seconds. A peer that had to wait for its turn has forgotten
// them all, which under steady traffic it never has: so before its turn as many are asked for as it would remember.
import { Agent, request } from 'node:http';
import type { Peer } from './peer.ts';
import { CONNECTIONS } from './settings.ts';
import { bearer, type Door, type Session } from './works.ts';

/** Seconds. */
const MEMORY = 10;

/** @param seconds that the turn will take: so many tenths of the sessions would come due meanwhile, and are left to it */
export async function remember(
  peer: Peer,
  door: Door,
  sessions: readonly Session[],
  seconds: number,
): Promise<void> {
  const waiting = sessions.filter((_, index) => index % MEMORY >= seconds);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ask = (session: Session) =>
    new Promise<void>((resolve, reject) => {
      // Somebody else's plan: all that is done for it is to see who asks.
      const path = `/users/${session.user_id + 1}/mental-plan`;
      request(peer.origin + path, { agent, headers: bearer(session, door) }, (response) => {
        if (response.statusCode !== 404)
          reject(new Error(`${peer.name}: ${response.statusCode} for a plan of somebody else`));
        response.resume().on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  await Promise.all(waiting.map(ask));
  agent.destroy();
}
