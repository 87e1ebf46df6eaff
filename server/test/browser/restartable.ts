import { startApp, type TestApp } from '../harness.ts';

/** A server on the data of another, which can be stopped, and started again at the same address. */
export async function restartable({
  database,
}: TestApp): Promise<{ url: string; stop(): Promise<void>; start(): Promise<void> }> {
  let { app } = await startApp({ database });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    stop: () => app.close(),
    async start() {
      ({ app } = await startApp({ database }));
      await app.listen({ port: Number(new URL(url).port), host: '127.0.0.1' });
    },
  };
}
