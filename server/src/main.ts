// The process: settings, then the server (serve.ts).
import { enableCompileCache } from 'node:module';

// The next start need not compile the same modules again.
enableCompileCache();

const { begin } = await import('./lifecycle.ts');
const { ConfigError, loadConfig, readEnvironment } = await import('./config.ts');

await begin(async () => {
  const config = loadConfig(readEnvironment());
  if (config.databaseUrl === undefined && config.environment === 'production' && !config.embeddedInProduction)
    throw new ConfigError(
      'DATABASE_URL: required in production (EMBEDDED_IN_PRODUCTION=true runs on the embedded database all the same)',
    );
  if (config.databaseUrl === undefined) {
    const { compileEngine } = await import('./db/engine.ts');
    // Whoever starts the engine is told of a failure.
    compileEngine().catch(() => {});
  }
  // Loading it is most of a start: what is wrong with the settings is told before.
  const { serve } = await import('./serve.ts');
  await serve(config);
});
