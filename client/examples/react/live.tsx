import {
  createClient,
  isStepwiseError,
  type RouterOutputs,
  retryDelayMs,
  type StreamedEvent,
  shouldRetry,
} from '@stepwise/client';
import { QueryClient, QueryClientProvider, queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

type Task = RouterOutputs['task']['list'][number];

const client = createClient({
  url: 'http://localhost:8000',
  tokens: {
    get: () => JSON.parse(localStorage.getItem('tokens') ?? 'null'),
    set: (tokens) =>
      tokens ? localStorage.setItem('tokens', JSON.stringify(tokens)) : localStorage.removeItem('tokens'),
  },
});
const cache = new QueryClient({
  defaultOptions: { queries: { retry: shouldRetry, retryDelay: retryDelayMs } },
});

const lists = {
  tasks: queryOptions({ queryKey: ['tasks'], queryFn: () => client.task.list.query({ limit: 500 }) }),
  resources: queryOptions({
    queryKey: ['resources'],
    queryFn: () => client.resource.list.query({ limit: 500 }),
  }),
  mentalPlans: queryOptions({ queryKey: ['mentalPlans'], queryFn: () => client.mentalPlan.list.query({}) }),
  physicalPlans: queryOptions({
    queryKey: ['physicalPlans'],
    queryFn: () => client.physicalPlan.list.query({}),
  }),
};

/** Keeps the cache as the server has it. @returns what ends that */
function keepCurrent(): () => void {
  const { unsubscribe } = client.events.stream.subscribe(undefined, {
    onData: ({ data: event }) => take(event),
    onError: (error) => console.warn(error.message),
  });
  return unsubscribe;
}

function take(event: StreamedEvent['data']): void {
  switch (event.type) {
    // What was read before this may be old; from now on every change is told.
    case 'ready':
    case 'resync':
      void cache.invalidateQueries();
      break;
    // An event has the whole row: it is put in its place, and nothing is asked for.
    case 'task.created':
      changeTasks((tasks) => [event.data, ...tasks]);
      break;
    case 'task.changed':
      changeTasks((tasks) => tasks.map((task) => (task.id === event.data.id ? event.data : task)));
      break;
    case 'task.removed':
      changeTasks((tasks) => tasks.filter(({ id }) => id !== event.data.id));
      break;
    // Simpler, and enough for what changes less often.
    case 'resource.created':
    case 'resource.changed':
    case 'resource.removed':
      void cache.invalidateQueries(lists.resources);
      break;
    case 'mentalPlan.created':
    case 'mentalPlan.changed':
    case 'mentalPlan.removed':
      void cache.invalidateQueries(lists.mentalPlans);
      break;
    case 'physicalPlan.created':
    case 'physicalPlan.changed':
    case 'physicalPlan.removed':
      void cache.invalidateQueries(lists.physicalPlans);
      break;
    // The session is over: `onError` comes next.
    case 'end':
      break;
  }
}

function changeTasks(change: (tasks: Task[]) => Task[]): void {
  // Nobody knows whether an answer that is under way has the change already: it is asked for again.
  if (cache.isFetching(lists.tasks) > 0) void cache.invalidateQueries(lists.tasks);
  else cache.setQueryData(lists.tasks.queryKey, (tasks) => tasks && change(tasks));
}

export function App() {
  useEffect(keepCurrent, []);
  return (
    <QueryClientProvider client={cache}>
      <Plans />
      <Tasks />
    </QueryClientProvider>
  );
}

function Plans() {
  const physical = useQuery(lists.physicalPlans).data?.[0];
  const mental = useQuery(lists.mentalPlans).data?.[0];
  const resources = useQuery(lists.resources).data ?? [];
  return (
    <p>
      {physical?.goal}, {mental?.goal}: {resources.map(({ name }) => name).join(', ')}
    </p>
  );
}

function Tasks() {
  const tasks = useQuery(lists.tasks);
  // Its event brings the change, here and to every other window.
  const change = useMutation({
    mutationFn: (task: { id: number; status: boolean }) => client.task.update.mutate(task),
  });

  if (isStepwiseError(tasks.error) && tasks.error.data.reason === 'UNAUTHENTICATED')
    return <a href="/sign-in">Sign in</a>;
  if (tasks.isError) return <p>{tasks.error.message}</p>;
  return (
    <ul>
      {tasks.data?.map(({ id, title, status }) => (
        <li key={id}>
          <label>
            <input type="checkbox" checked={status} onChange={() => change.mutate({ id, status: !status })} />
            {title}
          </label>
        </li>
      ))}
    </ul>
  );
}
