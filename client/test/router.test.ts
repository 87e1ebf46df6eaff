import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compile } from '../scripts/compile.ts';
import { type Described, describe } from '../scripts/describe.ts';
import { expectImports, standalone } from '../scripts/standalone.ts';

const emitted = (input: string) => `export declare const appRouter: import("@trpc/server").TRPCBuiltRouter<{
    ctx: import("./trpc/context.ts").Context;
    errorShape: {
        errors: import("./trpc/errors.ts").FieldError[];
    };
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    me: import("@trpc/server").TRPCQueryProcedure<{
        input: ${input};
        meta: import("./trpc/endpoint.ts").Meta;
        errorShape: {
            errors: import("./trpc/errors.ts").FieldError[];
        };
    }>;
}>>;
export type AppRouter = typeof appRouter;
`;

const errors = async () =>
  'export type Other = number;\nexport interface FieldError {\n    path: string;\n}\n';

const SNAPSHOTS = '__snapshots__/router';

test(
  '#216 the published type of the router is the one that was reviewed (`pnpm test --update` takes the new one, for review)',
  () =>
    compile(async ({ router }) => {
      // A file for each router in it: together they are the whole text.
      const [head = '', ...routers] = router.split(
        /^(?= {4}\w+: import\("@trpc\/server"\)\.TRPCBuiltRouter)/m,
      );
      const parts = new Map([
        ['index', head],
        ...routers.map((text) => [text.trim().split(':', 1)[0] as string, text] as const),
      ]);
      expect([...parts.values()].join('')).toBe(router);
      for (const [name, text] of parts) await expect(text).toMatchFileSnapshot(`${SNAPSHOTS}/${name}.txt`);
      const kept = await readdir(new URL(SNAPSHOTS, import.meta.url));
      expect(kept.sort()).toEqual([...parts.keys()].map((name) => `${name}.txt`).sort());
      // The compiler takes its time on a busy machine.
    }),
  120_000,
);

test('interfaces that the router names come along, what is of the server alone becomes any object', async () => {
  expect(await standalone(emitted('string'), errors)).toBe(`// Made from the router of the server.
interface FieldError {
    path: string;
}
interface ErrorShape {
    errors: FieldError[];
}
export type AppRouter = import("@trpc/server").TRPCBuiltRouter<{
    ctx: object;
    errorShape: ErrorShape;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    me: import("@trpc/server").TRPCQueryProcedure<{
        input: string;
        meta: object;
        errorShape: ErrorShape;
    }>;
}>>;
export {};
`);
});

test('#318 what the contracts describe stands above the property that it is about, wherever that is', () => {
  const contracts = new Map<string, Described>([
    [
      'plan.byId',
      {
        summary: 'My plan',
        input: {
          properties: { id: {}, limit: { description: 'Rows', default: 100 }, dark: { default: '*/' } },
        },
        output: {
          $defs: { Row: { description: 'A row', properties: { weight: { description: 'Kilograms' } } } },
          properties: {
            rows: { items: { $ref: '#/$defs/Row' } },
            best: { anyOf: [{ $ref: '#/$defs/Row', description: 'The first\nof them' }, { type: 'null' }] },
            event: {
              oneOf: [
                { description: 'All is told', properties: { type: { const: 'ready' } } },
                {
                  properties: {
                    type: { const: 'made' },
                    data: { description: 'The new one', properties: { at: { description: 'Minutes' } } },
                  },
                },
                {
                  properties: {
                    type: { const: 'gone' },
                    data: { properties: { at: { description: 'Seconds' } } },
                  },
                },
              ],
            },
          },
        },
      },
    ],
  ]);
  const described = `{
    plan: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** My plan */
        byId: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
                /** Rows (default: 100) */
                limit?: number | undefined;
                /** (default: "*\\/") */
                dark?: string | undefined;
            } | undefined;
            output: {
                rows: {
                    /** Kilograms */
                    weight: number;
                }[];
                /** The first of them */
                best: {
                    /** Kilograms */
                    weight: number;
                } | null;
                event: {
                    type: "gone";
                    data: {
                        /** Seconds */
                        at: number;
                    };
                } | {
                    /** All is told */
                    type: "ready";
                } | {
                    type: "made";
                    /** The new one */
                    data: {
                        /** Minutes */
                        at: number;
                    };
                };
            };
            meta: object;
        }>;
        weight: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                weight: number;
            };
        }>;
    }>>;
}`;
  expect(describe(described.replace(/^ *\/\*\*.*\n/gm, ''), contracts)).toBe(described);
});

test('a router that needs more of the server is not published', async () => {
  await expect(standalone(emitted('import("drizzle-orm").SQL'), errors)).rejects.toThrow(
    'imports drizzle-orm',
  );
  await expect(standalone(emitted('import("./trpc/errors.ts").Other'), errors)).rejects.toThrow(
    'Other, which is not a plain interface',
  );
});

test.each([
  `import { z } from 'zod';`,
  `import 'fastify';`,
  `export * from "../server.js";`,
  `type A = import('./server.js').A;`,
  `import a = require("pino");`,
  `/// <reference types="node" />`,
])('an import that is not allowed is found: %s', (text) => {
  expect(() => expectImports(text, /^@trpc\/server$/)).toThrow('must not be published');
  expect(() => expectImports(`import type { A } from '@trpc/server';`, /^@trpc\/server$/)).not.toThrow();
});
