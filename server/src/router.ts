import { authRouter } from './features/auth/router.ts';
import { bodyRouter } from './features/body/router.ts';
import { calendarRouter } from './features/calendar/router.ts';
import { dayRouter } from './features/day/router.ts';
import { eventsRouter } from './features/events/router.ts';
import { healthRouter } from './features/health/router.ts';
import { historyRouter } from './features/history/router.ts';
import { mentalPlanRouter } from './features/mentalPlan/router.ts';
import { physicalPlanRouter } from './features/physicalPlan/router.ts';
import { profileRouter } from './features/profile/router.ts';
import { resourceRouter } from './features/resource/router.ts';
import { taskRouter } from './features/task/router.ts';
import { router } from './trpc/procedures.ts';

export const appRouter = router({
  auth: authRouter,
  physicalPlan: physicalPlanRouter,
  mentalPlan: mentalPlanRouter,
  resource: resourceRouter,
  task: taskRouter,
  history: historyRouter,
  day: dayRouter,
  body: bodyRouter,
  calendar: calendarRouter,
  profile: profileRouter,
  events: eventsRouter,
  health: healthRouter,
});

/** The type that clients are made from. */
export type AppRouter = typeof appRouter;
