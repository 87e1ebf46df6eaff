import { migratedImage } from '../src/db/pglite/image.ts';

/** The image that every test file's database starts from is made once, not by each of them. */
export default async function setup(): Promise<void> {
  if (process.env.TEST_DATABASE_URL === undefined) await migratedImage();
}
