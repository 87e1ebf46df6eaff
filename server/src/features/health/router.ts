import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { publicProcedure, router } from '../../trpc/procedures.ts';

const Health = z.object({
  status: z.enum(['ok', 'unavailable']),
  timestamp: z.iso.datetime(),
  database: z.enum(['connected', 'disconnected']),
  version: z.string(),
  environment: z.enum(['development', 'test', 'production']),
});

const statusOf = (output: unknown) => ((output as z.output<typeof Health>).status === 'ok' ? 200 : 503);

export const healthRouter = router({
  check: publicProcedure
    .meta(endpoint('GET /health', 'Whether the server and its database are well', { tag: 'Health', public: true, statusOf }))
    .input(z.object({}).optional())
    .output(Health)
    .query(
      async ({
        ctx: {
          services: { health },
        },
      }) => {
        const connected = await health.databaseAnswers();
        return {
          status: connected && !health.isDraining() ? 'ok' : 'unavailable',
          timestamp: new Date().toISOString(),
          database: connected ? 'connected' : 'disconnected',
          version: health.version,
          environment: health.environment,
        };
      },
    ),
});
