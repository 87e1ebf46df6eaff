import { z } from 'zod';
import { endpoint } from '../../trpc/endpoint.ts';
import { moment, NoInput } from '../../trpc/fields.ts';
import { publicProcedure, router } from '../../trpc/procedures.ts';

const Health = z
  .object({
    status: z.enum(['ok', 'unavailable']).describe('Whether requests may be sent here.'),
    timestamp: moment.describe('The time of the server.'),
    database: z
      .enum(['connected', 'disconnected'])
      .describe('Whether the database answers and takes writes.'),
    version: z.string().meta({ description: 'The version of the server.', examples: ['0.1.0'] }),
    environment: z
      .enum(['development', 'test', 'production'])
      .meta({ description: 'What the server runs as.', examples: ['production'] }),
  })
  .meta({ id: 'Health', description: 'Whether the server and its database are well.' });

const statusOf = (output: unknown) => ((output as z.output<typeof Health>).status === 'ok' ? 200 : 503);

export const healthRouter = router({
  check: publicProcedure
    .meta(
      endpoint('GET /health', 'Whether the server and its database are well', {
        description:
          'Asks the database once a second at most. 503 when it does not answer or takes no writes, or when the server is about to end.',
        tag: 'Health',
        public: true,
        statusOf,
      }),
    )
    .input(NoInput)
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
