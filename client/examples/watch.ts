// node watch.ts [http://localhost:8000]
import { createClient, type TokenAnswer } from '@stepwise/client';

let tokens: TokenAnswer | undefined;

const stepwise = createClient({
  url: process.argv[2] ?? 'http://localhost:8000',
  tokens: {
    get: () => tokens,
    set: (next) => {
      tokens = next;
    },
  },
});

await stepwise.auth.register.mutate({ login: `ann-${Date.now()}`, password: 'correct horse battery' });

const { unsubscribe } = stepwise.events.stream.subscribe(undefined, {
  onData({ id, data: event }) {
    // The time to read everything: whatever is committed from now on will be told.
    if (event.type === 'ready' || event.type === 'resync')
      void stepwise.task.create.mutate({ title: 'Buy shoes' });
    if (event.type === 'task.created') {
      console.log(`${id}: there is a new task, ${event.data.title}`);
      unsubscribe();
    }
  },
  onError: (error) => console.error(error.message),
});
