// Adapts tRPC's links to promises: each call but a subscription has one answer.
import { type Operation, TRPCClientError, type TRPCLink } from '@trpc/client';
import { type inferObservableValue, observable } from '@trpc/server/observable';
import type { AppRouter } from './router.ts';

type Link = ReturnType<TRPCLink<AppRouter>>;
type Observable = ReturnType<Link>;

export type Next = Parameters<Link>[0]['next'];
export type Answer = inferObservableValue<Observable>;

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How requests are made. */
export interface Transport {
  readonly url: string;
  readonly fetch: Fetch | undefined;
  /** @returns the headers of the request that carries `calls` */
  headers(calls: readonly Operation[]): Promise<Record<string, string>>;
}

/** @returns an observable of the promised answer or error */
export const toObservable = (answer: Promise<Answer>): Observable =>
  observable((observer) => {
    answer.then(
      (value) => {
        observer.next(value);
        observer.complete();
      },
      (cause) => observer.error(TRPCClientError.from(cause)),
    );
  });

/** @returns the answer of the following links */
export const callNext = (next: Next, operation: Operation): Promise<Answer> =>
  new Promise((resolve, reject) => {
    next(operation).subscribe({ next: resolve, error: reject });
  });

/** Resolves early, without an error, when `signal` is aborted. */
export const sleep = (waitMs: number, signal: AbortSignal | null | undefined): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    signal?.addEventListener('abort', done);
  });
