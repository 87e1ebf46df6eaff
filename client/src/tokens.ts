import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import { isStepwiseError } from './errors.ts';
import type { AppRouter } from './router.ts';

/** Where the access token is kept: a variable, the browser's storage, a keychain. The client itself keeps none. */
export interface Tokens {
  /** Asked before each request. @returns the access token; nothing, while nobody is signed in */
  get(): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Told what the answers mean for the token, before the call that brought the answer ends:
   * - the new access token, when `auth.register` or `auth.signIn` succeeded;
   * - undefined, when the server no longer takes the token that a call was sent with (reason `UNAUTHENTICATED`), and when
   *   `auth.remove` succeeded. A token that `get` has begun to answer in the meantime is left alone.
   *
   * What it throws after a success is what the call throws.
   */
  set?(token: string | undefined): void | Promise<void>;
}

/** Under this name a call remembers the token that it was sent with. */
const SENT = Symbol('token');

type Call = Operation & { context: { [SENT]?: string | null | undefined } };

/** @returns the header that signs `calls`, which go out in one request; none while nobody is signed in */
export async function authorization(tokens: Tokens, calls: readonly Call[]): Promise<Record<string, string>> {
  const token = await tokens.get();
  for (const { context } of calls) context[SENT] = token;
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** The link that tells `tokens.set` about the answers. */
export function tokenLink(tokens: Tokens): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        const call: Call = { ...op, context: { ...op.context } };
        let told: Promise<void> | undefined;
        return next(call).subscribe({
          next(answer) {
            told = succeeded(tokens, call, answer.result).then(
              () => observer.next(answer),
              (cause) => observer.error(TRPCClientError.from(cause)),
            );
          },
          error(cause) {
            const pass = () => observer.error(cause);
            void failed(tokens, call, cause).then(pass, pass);
          },
          complete() {
            void told?.then(() => observer.complete());
          },
        });
      });
}

async function succeeded(tokens: Tokens, call: Call, result: { data?: unknown }): Promise<void> {
  if (call.path === 'auth.register' || call.path === 'auth.signIn')
    await tokens.set?.((result.data as { access_token: string }).access_token);
  if (call.path === 'auth.remove') await forget(tokens, call);
}

async function failed(tokens: Tokens, call: Call, cause: unknown): Promise<void> {
  if (isStepwiseError(cause) && cause.data.reason === 'UNAUTHENTICATED') await forget(tokens, call);
}

async function forget(tokens: Tokens, call: Call): Promise<void> {
  const token = await tokens.get();
  if (token && token === call.context[SENT]) await tokens.set?.(undefined);
}
