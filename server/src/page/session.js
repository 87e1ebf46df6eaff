// Who is signed in, and calls in their name. The tokens are in the memory of this page alone: nothing outlives the page on
// a shared machine, and no copy is made where a tab is duplicated (a refresh token serves once, a second use would end the
// session for both). The price: who reloads signs in again.
/** @import { Problem, TokenAnswer } from './types.ts' */

/** Where all paths begin, also behind a path prefix that a proxy cuts off. */
const ROOT = new URL('..', import.meta.url).href.replace(/\/$/, '');

/** Milliseconds for an answer. */
const PATIENCE = 15_000;

/** An error that the server answered; its message is a sentence to be shown. */
export class Refusal extends Error {
  /**
   * @param {Response} answer
   * @param {Problem} problem
   */
  constructor(answer, { detail, code, errors = [] }) {
    super(detail);
    this.status = answer.status;
    this.code = code;
    this.errors = errors;
    /** Milliseconds until it makes sense to try again. */
    this.wait = 1000 * Number(answer.headers.get('retry-after') ?? 0);
  }

  /** Whether nobody is signed in (any more). */
  get isEnd() {
    return this.code === 'UNAUTHENTICATED';
  }
}

export class Session {
  /** @type {TokenAnswer} */
  #tokens;
  /** @type {Promise<void> | undefined} */
  #refreshing;

  /** @param {TokenAnswer} tokens */
  constructor(tokens) {
    this.#tokens = tokens;
  }

  /** @param {{ login: string, password: string }} credentials */
  static async signIn({ login, password }) {
    return new Session(await post('/users/signIn', { username: login, password }));
  }

  /** @param {{ login: string, password: string }} credentials */
  static async register(credentials) {
    return new Session(await post('/users', credentials));
  }

  get user_id() {
    return this.#tokens.user_id;
  }

  /**
   * A request in the user's name. An access token that is too old is exchanged first.
   * @param {string} path
   * @param {RequestInit} [request]
   * @returns {Promise<Response>} which is no error
   * @throws {Refusal} one that `isEnd` when the session is over; anything else when the server cannot be reached
   */
  async fetch(path, request) {
    const { access_token } = this.#tokens;
    try {
      return await send(path, signed(request, access_token));
    } catch (error) {
      if (!(error instanceof Refusal && error.isEnd)) throw error;
      // Nothing has run: the same request can be sent again.
      if (this.#tokens.access_token === access_token) await this.refresh();
      return send(path, signed(request, this.#tokens.access_token));
    }
  }

  /**
   * @param {string} path
   * @param {{ method?: string, body?: object }} [call]
   * @returns {Promise<unknown>} what was answered
   */
  async call(path, { method = 'GET', body } = {}) {
    return (await this.fetch(path, withJson(method, body))).json();
  }

  /** Exchanges the tokens, once for all who ask at a time. */
  refresh() {
    this.#refreshing ??= post('/users/refresh', { refresh_token: this.#tokens.refresh_token })
      .then((tokens) => {
        this.#tokens = tokens;
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** Ends the session, also when the access token is too old and while the page goes away. */
  async end() {
    await send('/users/signOut', {
      ...withJson('POST', { refresh_token: this.#tokens.refresh_token }),
      keepalive: true,
    });
  }
}

/**
 * @param {RequestInit | undefined} request
 * @param {string} token
 * @returns {RequestInit}
 */
function signed(request, token) {
  const headers = new Headers(request?.headers);
  headers.set('authorization', `Bearer ${token}`);
  return { ...request, headers };
}

/**
 * @param {string} method
 * @param {object} [body]
 * @returns {RequestInit}
 */
const withJson = (method, body) =>
  body === undefined
    ? { method }
    : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<TokenAnswer>}
 */
const post = async (path, body) => (await send(path, withJson('POST', body))).json();

/**
 * @param {string} path of this server
 * @param {RequestInit} request
 */
async function send(path, request) {
  const answer = await fetch(ROOT + path, { signal: AbortSignal.timeout(PATIENCE), ...request });
  if (answer.ok) return answer;
  /** @type {Problem} */
  const problem = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}` }));
  throw new Refusal(answer, problem);
}
