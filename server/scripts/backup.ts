// pnpm db:backup FILE: writes a backup of the embedded database, whose server has to be stopped.
import { inMegabytes, writeBackup } from '../src/db/pglite/backup.ts';
import { embeddedBackup } from './embeddedBackup.ts';

await embeddedBackup('db:backup FILE', 'pg_dump', async (dataDir, file) => {
  const { bytes, fileBytes, users } = await writeBackup(dataDir, file, console.error);
  console.log(`${file}: ${inMegabytes(fileBytes)} of ${inMegabytes(bytes)}, users: ${users}`);
});
