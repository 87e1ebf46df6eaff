// pnpm db:restore FILE: makes the embedded database that of a backup. The one that is there is moved aside.
import { inMegabytes, restoreBackup } from '../src/db/pglite/backup.ts';
import { embeddedBackup } from './embeddedBackup.ts';

await embeddedBackup('db:restore FILE', 'pg_restore', async (dataDir, file) => {
  const { bytes, users, pending, moved } = await restoreBackup(dataDir, file, console.error);
  console.log(`${file}: restored ${inMegabytes(bytes)}, users: ${users}`);
  if (pending.length > 0) console.log(`the next start applies ${pending.join(', ')}`);
  if (moved !== undefined) console.log(`the database that was there is now ${moved}`);
});
