// What an editor says about the words that a mark stands before: see the test.
import { createClient, type RouterInputs, type RouterOutputs } from '@stepwise/client';

const client = createClient({ url: '' });

export const weight = (input: RouterInputs['physicalPlan']['create']) => input./*Kilograms*/ weight;
export const height = (plan: RouterOutputs['physicalPlan']['list'][number]) => plan./*Centimetres*/ height;
export const volume = async () =>
  (await client.resource.list.query({}))[0]?./*How much there is of it, counted in `unit`.*/ volume;
export const calories = async () =>
  (await client.physicalPlan.exercises.query())[0]?./*Kilocalories*/ calories_burned;
export const create = () =>
  client.task./*Add a task*/ create.mutate({
    title: 't',
    /*Whether it is done. (default: false)*/ status: true,
  });
export const list = () =>
  client.task.list.query(
    { /*only an empty page is the end. (default: 100)*/ limit: 1 },
    { /*Aborts the call.*/ signal: AbortSignal.abort() },
  );
export const changed = () =>
  client.events.stream.subscribe(undefined, {
    onData: ({ data }) => data.type === 'physicalPlan.changed' && data.data./*Kilograms*/ weight,
  });
