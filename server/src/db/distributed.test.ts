import { expect, test } from 'vitest';
import { functionsOfStatements, statements } from '../statements.ts';
import { distributedText, userFunction } from './distributed.ts';
import { sql } from './drizzle.ts';

const oneLine = (text: string | undefined) => text?.replaceAll(/\s+/g, ' ');

test('#810 an insert calls a function, with an id of the coordinator, and the last select refers to it', () => {
  const { text, idsOf, functions } = distributedText(
    `with sequence as (update "event_sequences" set last = last + 1 where user_id = $1 returning last),
    made as (
      insert into "outer_tasks" (user_id, title)
      select $2::bigint, ') returning "' from sequence
      returning id, title as named, $3::json as recurrence)
    select * from made`,
    3,
  );
  const [definition] = functions;
  const name = /public\.insert_outer_tasks_[0-9a-f]{8}/.exec(definition ?? '')?.[0];
  expect(idsOf).toEqual(['outer_tasks']);
  expect(oneLine(text)).toBe(
    oneLine(`with sequence as (update "event_sequences" set last = last + 1 where user_id = $1 returning last),
    made as materialized (
      select id, title as named, $3::json as recurrence
      from (select *, row_number() over () as nth from (select $2::bigint, ') returning "' from sequence) as listed(c1, c2)) as listed,
        lateral ${name}(c1::bigint, c2::text, ($4::bigint[])[nth]) as "outer_tasks")
    select final.* from (select * from made) as final where (select count(*) from made) >= 0`),
  );
  expect(oneLine(definition)).toBe(
    oneLine(`create or replace function ${name}(bigint, text, bigint)
      returns table ("id" bigint, "title" text)
      language plpgsql rows 1
      set citus.allow_nested_distributed_execution = on
    as $function$
    #variable_conflict use_column
    begin
      return query
        insert into public."outer_tasks" as "outer_tasks" ("user_id", "title", "id")
        values ($1, $2, $3)
        returning "outer_tasks"."id", "outer_tasks"."title";
    end
    $function$`),
  );
});

test('#811 a conflict is of the function, and a column that is always made is overridden', () => {
  const { text, idsOf, functions } = distributedText(
    `with kept as (
      insert into "idempotency_keys" as stored (user_id, key, request)
      select $1::bigint, $2::text, 'x'
      on conflict (user_id, key) do update set request = excluded.request
      returning stored.key),
    audited as (insert into "audit_trail" (event, user_id, ip, request_id) select 'registered', $3::bigint, '', '')
    select key from kept`,
    3,
  );
  expect(idsOf).toEqual(['audit_trail']);
  expect(functions[0]).toContain('on conflict (user_id, key) do update set request = excluded.request\n');
  expect(functions[0]).toContain('returning "stored"."key"');
  expect(functions[1]).toContain('overriding system value');
  expect(text).toContain('select stored.key\n');
  expect(text).toContain('where (select count(*) from kept) >= 0 and (select count(*) from audited) >= 0');
});

test('#812 what has no insert in a CTE stays as it is, and what cannot be rewritten is refused', () => {
  const plain = 'with found as (select 1 as one) select one from found';
  expect(distributedText(plain, 0)).toEqual({ text: plain, idsOf: [], functions: [] });
  const insert = (values: string) => `with made as (insert into "profiles" (user_id) ${values}) select 1`;
  expect(() => distributedText(insert('values ($1)'), 1)).toThrow('not an insert of selected rows');
  const withParameter = insert('select $1 on conflict (user_id) do update set lang = $2');
  expect(() => distributedText(withParameter, 2)).toThrow('a parameter in');
  const selected = insert('select $1').replace('select 1', 'delete from "profiles" returning user_id');
  expect(() => distributedText(selected, 1)).toThrow('behind an insert there has to be a select');
  const columns = { parameters: ['bigint'], columns: 'id bigint' };
  const body = sql`with made as (insert into "outer_tasks" (user_id, title) select $1, 'x') select 1 as id`;
  expect(() => userFunction({ name: 'tell', ...columns, body })).toThrow(
    'tell would need ids of outer_tasks',
  );
});

test('#813 every statement has a text for distributed tables, without an insert in a CTE but where it says so', () => {
  const inserting = [...statements()]
    .filter(([, statement]) =>
      /\bas (materialized )?\(\s*insert\b/.test(statement.compiled().distributed?.().text ?? ''),
    )
    .map(([name]) => name);
  expect(inserting).toEqual(['user.create']);
  const names = functionsOfStatements().map(
    (one) => /^create or replace function public\.(\w+)/.exec(one)?.[1],
  );
  expect(names.length).toBeGreaterThan(30);
  expect(new Set(names).size).toBe(names.length);
});
