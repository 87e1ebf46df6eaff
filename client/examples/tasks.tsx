import { type AppRouter, createClient, isStepwiseError, retryDelayMs, shouldRetry } from '@stepwise/client';
import { QueryClient, QueryClientProvider, useMutation, useQuery } from '@tanstack/react-query';
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query';

const client = createClient({
  url: 'http://localhost:8000',
  tokens: {
    get: () => JSON.parse(localStorage.getItem('tokens') ?? 'null'),
    set: (tokens) =>
      tokens ? localStorage.setItem('tokens', JSON.stringify(tokens)) : localStorage.removeItem('tokens'),
  },
});
// Otherwise TanStack Query asks three times more, for seconds, before it tells of a 401.
const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: shouldRetry, retryDelay: retryDelayMs } },
});
const stepwise = createTRPCOptionsProxy<AppRouter>({ client, queryClient });

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <Tasks />
    </QueryClientProvider>
  );
}

function Tasks() {
  const tasks = useQuery(stepwise.task.list.queryOptions({ status: false }));
  const finish = useMutation(
    stepwise.task.update.mutationOptions({
      onSuccess: () => queryClient.invalidateQueries(stepwise.task.list.pathFilter()),
    }),
  );

  if (isStepwiseError(tasks.error) && tasks.error.data.reason === 'UNAUTHENTICATED')
    return <a href="/sign-in">Sign in</a>;
  if (tasks.isError) return <p>{tasks.error.message}</p>;
  return (
    <ul>
      {tasks.data?.map(({ id, title }) => (
        <li key={id}>
          {title}
          <button type="button" onClick={() => finish.mutate({ id, status: true })}>
            Done
          </button>
        </li>
      ))}
    </ul>
  );
}
