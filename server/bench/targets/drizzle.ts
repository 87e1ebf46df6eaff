// The queries of oRPC and Hono: Drizzle's relational queries, prepared, as its documentation advises.
import { verify as verifyHash } from 'argon2';
import { and, desc, eq, not, relations, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { SignJWT } from 'jose';
import postgres from 'postgres';
import * as tables from '../../src/db/schema/index.ts';
import { USUAL_UNITS } from '../../src/db/sql/units.ts';
import { type Unit, weekdaysOf } from '../../src/domain/index.ts';
import { SECRET } from '../settings.ts';
import { DATABASE_URL, healthOf, POSTGRES, SESSION_LIFETIME, TOKEN_LIFETIME } from './settings.ts';

const {
  exercises,
  logins,
  mentalPlanResources,
  mentalPlans,
  physicalPlans,
  resources,
  sessions,
  taskSeries,
  tasks,
  users,
  workoutExercises,
  workouts,
} = tables;

const related = {
  plan: relations(physicalPlans, ({ many }) => ({ workouts: many(workouts) })),
  workout: relations(workouts, ({ one, many }) => ({
    plan: one(physicalPlans, {
      fields: [workouts.user_id, workouts.physical_plan_id],
      references: [physicalPlans.user_id, physicalPlans.id],
    }),
    links: many(workoutExercises),
  })),
  link: relations(workoutExercises, ({ one }) => ({
    workout: one(workouts, {
      fields: [workoutExercises.user_id, workoutExercises.workout_id],
      references: [workouts.user_id, workouts.id],
    }),
    exercise: one(exercises, { fields: [workoutExercises.exercise_id], references: [exercises.id] }),
  })),
  mentalPlan: relations(mentalPlans, ({ many }) => ({ links: many(mentalPlanResources) })),
  mentalLink: relations(mentalPlanResources, ({ one }) => ({
    plan: one(mentalPlans, {
      fields: [mentalPlanResources.user_id, mentalPlanResources.mental_plan_id],
      references: [mentalPlans.user_id, mentalPlans.id],
    }),
    resource: one(resources, {
      fields: [mentalPlanResources.user_id, mentalPlanResources.resource_id],
      references: [resources.user_id, resources.id],
    }),
  })),
};

const db = drizzle(postgres(DATABASE_URL, POSTGRES), { schema: { ...tables, ...related } });

const user_id = sql.placeholder('user_id');
const columns = {
  id: tasks.id,
  user_id: tasks.user_id,
  title: tasks.title,
  status: tasks.status,
  due_on: tasks.due_on,
  series_id: tasks.series_id,
};
const rule = {
  freq: taskSeries.freq,
  interval: taskSeries.interval,
  weekdays: taskSeries.weekdays,
  month_day: taskSeries.month_day,
};

const listTasks = db
  .select({ ...columns, rule })
  .from(tasks)
  .leftJoin(
    taskSeries,
    and(eq(taskSeries.user_id, tasks.user_id), eq(taskSeries.id, tasks.series_id), not(taskSeries.ended)),
  )
  .where(eq(tasks.user_id, user_id))
  .orderBy(desc(tasks.id))
  .limit(100)
  .prepare('tasks');

const insertTask = db
  .insert(tasks)
  .values({ user_id, title: sql.placeholder('title'), status: sql.placeholder('status') })
  .returning(columns)
  .prepare('task');

const currentMentalPlan = db.query.mentalPlans
  .findFirst({
    columns: { created_at: false },
    where: eq(mentalPlans.user_id, user_id),
    orderBy: desc(mentalPlans.id),
    with: {
      links: {
        columns: { progress: true },
        orderBy: (link, { asc }) => asc(link.resource_id),
        with: { resource: { columns: { user_id: false, created_at: false } } },
      },
    },
  })
  .prepare('mental_plan');

const currentPlan = db.query.physicalPlans
  .findFirst({
    columns: { created_at: false, seed: false, generator: false },
    where: eq(physicalPlans.user_id, user_id),
    orderBy: desc(physicalPlans.id),
    with: {
      workouts: {
        columns: { id: true, day_of_week: true },
        orderBy: (workout, { asc }) => asc(workout.day_of_week),
        with: {
          links: {
            columns: { sets: true, start_reps: true, end_reps: true, step: true, because: true },
            orderBy: (link, { asc }) => asc(link.id),
            with: {
              exercise: {
                columns: {
                  id: true,
                  name: true,
                  description: true,
                  calories_burned: true,
                  start_reps: true,
                  end_reps: true,
                  step: true,
                  key: true,
                },
              },
            },
          },
        },
      },
    },
  })
  .prepare('plan');

const credentials = db
  .select({ id: users.id, password: users.password })
  .from(logins)
  .innerJoin(users, eq(users.id, logins.user_id))
  .where(eq(logins.key, sql.placeholder('key')))
  .prepare('credentials');

export const health = healthOf(() => db.execute(sql`select 1`));

export async function tasksOf(user_id: number) {
  const rows = await listTasks.execute({ user_id });
  return rows.map(({ rule, ...task }) => {
    const { freq, interval, weekdays, month_day } = rule ?? {};
    const recurrence = rule && {
      ...{ freq, interval },
      ...(weekdays != null && { weekdays: weekdaysOf(weekdays) }),
      ...(month_day != null && { month_day }),
    };
    return { ...task, recurrence };
  });
}

export async function createTask(user_id: number, task: { title: string; status: boolean }) {
  const [made] = await insertTask.execute({ user_id, ...task });
  return { ...(made as NonNullable<typeof made>), recurrence: null };
}

export async function mentalPlanOf(user_id: number) {
  const found = await currentMentalPlan.execute({ user_id });
  if (!found) return undefined;
  const { links, ...data } = found;
  return {
    data,
    user_id,
    resources: links.map(({ resource, progress }) => ({
      resource: { ...resource, unit: (resource.unit ?? USUAL_UNITS[resource.type]) as Unit },
      progress,
    })),
  };
}

export async function planOf(user_id: number) {
  const found = await currentPlan.execute({ user_id });
  if (!found) return undefined;
  const { workouts, training_days: mask, ...plan } = found;
  const training_days = weekdaysOf(mask);
  const days = workouts.map(({ id, day_of_week, links }) => ({
    workout_id: id,
    day_of_week,
    exercises: links.map(({ exercise, sets, start_reps, end_reps, step, because }) => ({
      ...exercise,
      start_reps: start_reps ?? exercise.start_reps,
      end_reps: end_reps ?? exercise.end_reps,
      step: step ?? exercise.step,
      sets,
      because: because ?? [],
    })),
  }));
  return {
    data: { ...plan, training_days, days_per_week: training_days.length },
    user_id,
    days,
  };
}

export async function signIn(username: string, password: string) {
  const [user] = await credentials.execute({ key: username.normalize('NFKC').toLowerCase() });
  if (!user || !(await verifyHash(user.password, password))) return undefined;
  const until = (seconds: number) => new Date(Date.now() + seconds * 1000);
  const [session] = await db
    .insert(sessions)
    .values({
      user_id: user.id,
      device: '',
      idle_expires_at: until(SESSION_LIFETIME),
      absolute_expires_at: until(4 * SESSION_LIFETIME),
    })
    .returning({ id: sessions.id });
  const access_token = await new SignJWT({ sid: session?.id })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(String(user.id))
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_LIFETIME}s`)
    .sign(new TextEncoder().encode(SECRET));
  return {
    access_token,
    token_type: 'Bearer' as const,
    user_id: user.id,
    expires_in: TOKEN_LIFETIME,
    refresh_token: crypto.randomUUID(),
    refresh_expires_in: SESSION_LIFETIME,
  };
}
