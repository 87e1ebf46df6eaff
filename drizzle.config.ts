// Read by drizzle-kit alone: `pnpm db:generate` compares the schema with the folder drizzle/ and writes the next migration.
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './server/src/db/schema/index.ts',
  out: process.env.DRIZZLE_OUT ?? './drizzle',
});
