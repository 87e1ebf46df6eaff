// For images: loads what servers and workers load, so that Node.js keeps it compiled in the folder of NODE_COMPILE_CACHE.
import 'pg-boss';
import '../src/db/postgres/migrate.ts';
import '../src/db/postgres/open.ts';
import '../src/http/edge/metrics.ts';
import '../src/security/redisRateLimitStore.ts';
import '../src/serve.ts';
import '../src/telemetry/metrics.ts';
import '../src/telemetry/traces.ts';
