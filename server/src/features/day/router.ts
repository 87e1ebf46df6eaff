import type { z } from 'zod';
import { type Moved, moveDay } from '../../dayRecord/move.ts';
import type { Named, StoredDay } from '../../dayRecord/state.ts';
import type { Action, Issue, Refusal } from '../../domain/index.ts';
import type { Caller, Context } from '../../trpc/context.ts';
import { endpoint } from '../../trpc/endpoint.ts';
import { AppError, invalidField, notFound, throwMissed } from '../../trpc/errors.ts';
import { protectedProcedure, router } from '../../trpc/procedures.ts';
import { ByDate, Day, DayContent, Done, Reopening, Skip, Skipped } from './contract.ts';
import { findDay, findDays } from './queries.ts';
import { Today, TodayRequest } from './today/contract.ts';
import { findToday } from './today/queries.ts';
import { toDay } from './view.ts';

const tag = 'Days';

const CONTENT = `A day holds what was done on a local date of mine: from 30 days ago to the latest date that it is anywhere. \`workout\` moves the day of the plan on, once a date; \`delta\` adds to the progress of a resource, \`progress\` sets it; \`tasks\` become done, and those that recur are followed by \`next_tasks\`. Targets that were shown are judged by, so devices that were offline may send theirs in any order.`;

const etag = ({ revision }: { revision: number }) => revision;
const etagOfDay = ({ day }: z.output<typeof Done>) => day.revision;
const ERRORS = ['PRECONDITION_FAILED', 'DAY_DONE', 'DAY_NOT_DONE'] as const;

type SignedIn = Context & { readonly user: Caller };

const ISSUES: Readonly<Record<Issue, string>> = {
  date_not_writable: 'must be from 30 days ago to the latest date that it is anywhere',
  until_out_of_range: 'must be from the date to 30 days later',
  not_on_ladder: 'must be a target of the exercise',
  out_of_range: 'must leave the progress from 0 to the volume',
  named_twice: 'must be named once',
  nothing_done: 'nothing was done: skip the day instead',
};

/** @throws what the rules refuse */
function refuse({ code, path, issue, what }: Refusal): never {
  switch (code) {
    case 'VALIDATION':
      return invalidField(path ?? '', issue ? ISSUES[issue] : 'must be valid');
    case 'NOT_FOUND':
      return notFound(what ?? 'User');
    case 'PRECONDITION_FAILED':
      return throwMissed('User', 'version_mismatch');
    case 'DAY_DONE':
      throw new AppError('DAY_DONE', 'The day is done with other content');
    case 'DAY_NOT_DONE':
      throw new AppError('DAY_NOT_DONE', 'The day is not done');
  }
}

type Changed = Extract<Moved, { outcome: 'moved' | 'unchanged' }>;

async function change(ctx: SignedIn, date: string, action: Action, named: Named = {}): Promise<Changed> {
  const moved = await moveDay(ctx.db, ctx.services, ctx.user.id, { date, action, named });
  if (moved.outcome === 'no such user') notFound('User');
  if (moved.outcome === 'refused') refuse(moved.refusal);
  return moved;
}

/** What `if_match` of an input says to the rules. */
const matching = (if_match: number | undefined) =>
  if_match === undefined ? {} : { if_match: [if_match].flat() };

async function toDone(ctx: SignedIn, moved: Changed, message: string): Promise<z.output<typeof Done>> {
  const { state } = moved;
  const exercises = await ctx.services.exercises.get(ctx.db, state.catalogue, state.lang);
  const recorded = moved.outcome === 'moved' ? moved.recorded : undefined;
  const day: StoredDay | null =
    moved.outcome === 'moved' && moved.effects.moves[0]
      ? { ...moved.effects.moves[0].day, at: moved.now.toISOString(), zone: state.time_zone }
      : state.day;
  const plan_id = day?.content?.workout?.plan_id;
  const plan =
    recorded?.physical_plans[0] ?? state.plans.find(({ id }) => id === plan_id) ?? state.plans[0] ?? null;
  const mental = state.mental_plans[0];
  const mental_plan =
    recorded?.mental_plans[0] ??
    (mental ? { id: mental.id, progress: mental.days_left, version: mental.version } : null);
  return {
    message,
    day: toDay(state.date, day, state.body, exercises, state.today),
    physical_plan: plan && { id: plan.id, day: plan.day, progress: plan.progress, version: plan.version },
    mental_plan,
    ready: moved.outcome === 'moved' ? [...moved.effects.ready] : [],
    next_tasks: recorded ? [...recorded.next_tasks] : [],
  };
}

const namedIn = ({ workout, resources, tasks }: z.output<typeof DayContent>): Named => ({
  plans: workout ? [workout.plan_id] : [],
  resources: resources.map(({ resource_id }) => resource_id),
  tasks,
});

function contentOf({ workout, resources, tasks }: z.output<typeof DayContent>) {
  return {
    workout: workout && {
      plan_id: workout.plan_id,
      exercises: workout.exercises.map(({ target, ...exercise }) => ({
        ...exercise,
        ...(target !== undefined && { target }),
      })),
    },
    resources: resources.map(({ resource_id, delta, progress = 0 }) =>
      delta === undefined ? { resource_id, progress } : { resource_id, delta },
    ),
    tasks,
  };
}

export const dayRouter = router({
  today: protectedProcedure
    .meta(
      endpoint('GET /users/me/today', 'What to do today', {
        description:
          'The workout with its targets, energy and macronutrients, what to learn, and open tasks that are due, for the local date of the profile. With `date` it is what was to be done on that date. Numbers come with what they were made from; docs/formulas.md has the sources.',
        tag,
      }),
    )
    .input(TodayRequest)
    .output(Today)
    .query(async ({ ctx, input }) => {
      const found = await findToday(ctx.db, ctx.services, ctx.user.id, input?.date);
      if (found === 'date out of range') invalidField('date', 'must be from 30 days ago to today');
      return found ?? notFound('User');
    }),

  byDate: protectedProcedure
    .meta(
      endpoint('GET /users/me/days/{date}', 'What I did on a date', {
        description: 'An untouched date is open, with revision 0.',
        tag,
        etag,
      }),
    )
    .input(ByDate)
    .output(Day)
    .query(({ ctx, input }) => findDay(ctx.db, ctx.services, ctx.user.id, input.date)),

  complete: protectedProcedure
    .meta(
      endpoint('POST /users/me/days/{date}', 'Complete a day', {
        description: `${CONTENT} The same content again changes nothing; another is 409 DAY_DONE.`,
        example: { message: 'Day completed' },
        tag,
        recordsFacts: true,
        errors: ERRORS,
        etag: etagOfDay,
      }),
    )
    .input(DayContent)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      const action = { type: 'complete', content: contentOf(input), ...matching(input.if_match) } as const;
      return toDone(ctx, await change(ctx, input.date, action, namedIn(input)), 'Day completed');
    }),

  correct: protectedProcedure
    .meta(
      endpoint('PUT /users/me/days/{date}', 'Correct what I did on a date', {
        description: `${CONTENT} It replaces what the day holds: what is left out is taken away.`,
        example: { message: 'Day corrected' },
        tag,
        recordsFacts: true,
        errors: ERRORS,
        etag: etagOfDay,
      }),
    )
    .input(DayContent)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      const action = { type: 'correct', content: contentOf(input), ...matching(input.if_match) } as const;
      return toDone(ctx, await change(ctx, input.date, action, namedIn(input)), 'Day corrected');
    }),

  skip: protectedProcedure
    .meta(
      endpoint('POST /users/me/days/{date}/skip', 'Skip a day, or several', {
        description:
          'A skipped day ends no streak. It may be up to 30 days ahead; with `until` all dates up to it are skipped, but those that are done.',
        example: { message: 'Day skipped' },
        tag,
        recordsFacts: true,
        errors: ERRORS,
      }),
    )
    .input(Skip)
    .output(Skipped)
    .mutation(async ({ ctx, input }) => {
      const until = input.until ?? input.date;
      const action = { type: 'skip', until, ...matching(input.if_match) } as const;
      await change(ctx, input.date, action, { until });
      return {
        message: 'Day skipped',
        days: await findDays(ctx.db, ctx.services, ctx.user.id, input.date, until),
      };
    }),

  reopen: protectedProcedure
    .meta(
      endpoint('POST /users/me/days/{date}/reopen', 'Open a day again', {
        description:
          'What it did is undone: progress, tasks, and the step of the plan. What was changed since stays, and so do tasks that came next.',
        example: { message: 'Day reopened' },
        tag,
        recordsFacts: true,
        errors: ['PRECONDITION_FAILED'],
        etag: etagOfDay,
      }),
    )
    .input(Reopening)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      const action = { type: 'reopen', ...matching(input.if_match) } as const;
      return toDone(ctx, await change(ctx, input.date, action), 'Day reopened');
    }),
});
