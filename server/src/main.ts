// The process: settings, then the server (serve.ts).
import { enableCompileCache } from 'node:module';

// The next start need not compile the same modules again.
enableCompileCache();

const { runMain } = await import('./lifecycle.ts');
const { ConfigError, loadConfig, readEnvironment } = await import('./config.ts');

await runMain(async () => {
  const config = loadConfig(readEnvironment());
  if (config.databaseUrl === undefined && config.environment === 'production' && !config.embeddedInProduction)
    throw new ConfigError(
      'DATABASE_URL: required in production (EMBEDDED_IN_PRODUCTION=true runs on the embedded database all the same)',
    );
  if (config.databaseUrl === undefined) {
    const { compileWasm } = await import('./db/pglite/wasm.ts');
    // Whoever starts the engine is told of a failure.
    compileWasm().catch(() => {});
  }
  // Loading it is most of a start: what is wrong with the settings is told before.
  const { serve } = await import('./serve.ts');
  await serve(config);
});
