// The router's type held against that of the client's last release: programs that were compiled go on to compile.
import { expect, test } from 'vitest';
import { intended, releasedText, unintended } from '../../server/test/released.ts';
import { compile } from '../scripts/compile.ts';
import { proceduresOf, routerChanges } from './routerChanges.ts';

// The compiler takes its time on a busy machine.
const TIMEOUT_MS = 120_000;

test(
  '#411 the router takes nothing from programs of the last release but what intended.json lists with a reason',
  () =>
    compile(async ({ router }) => {
      const released = await releasedText('router.d.ts');
      expect(proceduresOf(released).size).toBeGreaterThan(30);
      expect(proceduresOf(released).get('auth.sessions.revoke')).toBe('mutation');
      expect(unintended(await routerChanges(released, router), intended.router)).toEqual([]);
    }),
  TIMEOUT_MS,
);

type Kind = 'Query' | 'Mutation' | 'Subscription';

const procedure = (
  name: string,
  kind: Kind,
  input: string,
  output: string,
) => `    ${name}: import("@trpc/server").TRPC${kind}Procedure<{
        input: ${input};
        output: ${output};
        meta: object;
        errorShape: ErrorShape;
    }>;
`;

const routerOf = (procedures: readonly string[], errors = 'errors: string[];') => `interface ErrorShape {
    message: string;
    ${errors}
}
export type AppRouter = import("@trpc/server").TRPCBuiltRouter<{
    ctx: object;
    meta: object;
    errorShape: ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
${procedures.join('')}}>>;
export {};
`;

test(
  '#411 found: each kind of change that breaks a program, and none that does not',
  async () => {
    const released = [
      procedure('same', 'Query', '{ id: number }', '{ id: number; note?: string | undefined }'),
      procedure('gone', 'Query', 'void', 'string'),
      procedure('kind', 'Query', 'void', 'string'),
      procedure('required', 'Mutation', '{ a?: string | undefined }', 'string'),
      procedure('narrower', 'Mutation', '{ a: "x" | "y" }', 'string'),
      procedure('unread', 'Mutation', '{ a: string; b?: string | undefined }', 'string'),
      procedure('nullable', 'Query', 'void', '{ a: string }'),
      procedure('lost', 'Query', 'void', '{ rows: { a: string }[] }'),
      procedure('lostOptional', 'Query', 'void', '{ inner: { id: number; a?: string | undefined } | null }'),
      procedure('event', 'Subscription', 'void', 'AsyncIterable<{ type: "a"; id: number }, void, any>'),
    ];
    const present = [
      procedure('added', 'Query', 'void', 'string'),
      procedure(
        'same',
        'Query',
        '{ id: number | string; more?: string | undefined } | undefined',
        '{ id: 1; note: string; more: string }',
      ),
      procedure('kind', 'Mutation', 'void', 'string'),
      procedure('required', 'Mutation', '{ a: string }', 'string'),
      procedure('narrower', 'Mutation', '{ a: "x" }', 'string'),
      procedure('unread', 'Mutation', '{ a: string }', 'string'),
      procedure('nullable', 'Query', 'void', '{ a: string | null }'),
      procedure('lost', 'Query', 'void', '{ rows: { b: string }[] }'),
      procedure('lostOptional', 'Query', 'void', '{ inner: { id: number } | null }'),
      procedure(
        'event',
        'Subscription',
        'void',
        'AsyncIterable<{ type: "a"; id: number } | { type: "b" }, void, any>',
      ),
    ];
    expect(await routerChanges(routerOf(released), routerOf(released))).toEqual([]);
    expect(await routerChanges(routerOf(released), routerOf(present, 'errors?: string[];'))).toEqual([
      'errors: their shape no longer has all that it had',
      'event: a key of the output is gone',
      'event: its output may be what it was not',
      'gone: removed',
      'kind: a query is now a mutation',
      'lost: a key of the output is gone',
      'lost: its output may be what it was not',
      'lostOptional: a key of the output is gone',
      'narrower: not every input that was taken is',
      'nullable: its output may be what it was not',
      'required: not every input that was taken is',
      'unread: a key of the input is gone',
    ]);
  },
  TIMEOUT_MS,
);

test(
  '#411 a declaration that does not compile is not taken for one without changes',
  async () => {
    const broken = routerOf([procedure('same', 'Query', 'Missing', 'string')]);
    await expect(routerChanges(broken, broken)).rejects.toThrow(/cannot be compared[\s\S]*Missing/);
  },
  TIMEOUT_MS,
);
