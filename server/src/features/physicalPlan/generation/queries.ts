// What a plan is made from, or goes on from, beside what the caller sends.
import { sql } from '../../../db/drizzle.ts';
import { json } from '../../../db/rows.ts';
import { days, physicalPlans, profiles, progressions } from '../../../db/schema/index.ts';
import { catalogueVersion } from '../../../db/sql/catalogueVersion.ts';
import { NOW } from '../../../db/sql/localDate.ts';
import { firstRow, read } from '../../../db/statement.ts';
import type { Progression } from '../../../domain/index.ts';

/** One row, also of a user without a profile: the user's date and birth date, and where the user stands in a plan. */
export const findBasis = firstRow(
  read(
    'physicalPlan.basis',
    { ...NOW, user_id: 'bigint', plan_id: 'bigint?' },
    {
      today: 'date',
      birth_date: 'date?',
      lang: profiles.lang,
      catalogue: 'int',
      is_over: 'boolean',
      progressions: json<readonly Progression[]>(),
    },
    ({ user_id, now, plan_id }) => sql`
    with clock as (
      select
        local_date(${now}, coalesce(profile.time_zone, 'UTC'), coalesce(profile.day_start, 0)) as today,
        profile.birth_date,
        profile.lang
      from (select 1) as one
      left join ${profiles} profile on profile.user_id = ${user_id}
    )
    select
      clock.today,
      clock.birth_date,
      clock.lang,
      coalesce(${catalogueVersion}, 0) as catalogue,
      exists (
        select from ${days} day where day.user_id = ${user_id} and day.date = clock.today and day.state <> 'open'
      ) as is_over,
      (
        select coalesce(json_agg(json_build_object(
          'plan_id', progression.plan_id, 'exercise_id', progression.exercise_id,
          'opening_k', progression.opening_k, 'k', progression.k, 'misses', progression.misses,
          'held', progression.held, 'because', progression.because, 'last_date', progression.last_date,
          'since', progression.since, 'since_seq', progression.since_seq)), '[]')
        from ${progressions} progression
        join ${physicalPlans} plan on plan.id = progression.plan_id and plan.user_id = ${user_id}
        where progression.user_id = ${user_id} and progression.plan_id = ${plan_id}
      ) as progressions
    from clock`,
  ),
);
