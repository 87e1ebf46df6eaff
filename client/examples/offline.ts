// node offline.ts
import { localDate, nextOccurrence, pour, target } from '@stepwise/client/domain';
import { preview } from '@stepwise/client/domain/dry-run';

// What day it is for a person whose days begin at four.
console.log(localDate(Date.UTC(2026, 10, 28, 2), 'Europe/Berlin', 4));

// Push-ups from 5 to 25, two more each time that the target is met: the target after three times.
const pushUps = { start: 5, end: 25, step: 2 };
console.log(target(pushUps, 3));

// Two books, and ten days for both: pages of today by id.
const book = { type: 'book', unit: 'page', progress: 0 } as const;
const quotas = pour(
  [
    { ...book, id: 1, volume: 90 },
    { ...book, id: 2, volume: 210 },
  ],
  10,
);
console.log(quotas.get(1), quotas.get(2));

// The bill that is due on the last day of each month: after January comes 28 February.
const monthly = { freq: 'monthly', interval: 1, month_day: 31 } as const;
console.log(nextOccurrence(monthly, '2027-01-31', '2027-01-31'));

// The next three workouts of a plan with one exercise, if the second is missed.
const plan = {
  id: 1,
  day: 1,
  progress: 0,
  sessions: 0,
  schedule: 'sequence',
  generated: true,
  level: 1,
  training_days: 0b0010101,
  slots: [{ slot: 1, exercises: [{ exercise_id: 1, sets: 2, ...pushUps }] }],
} as const;
const traits = { id: 1, unit: 'reps', seconds_per_rep: 3, unilateral: false, met: 3.8, ...pushUps } as const;
for (const { date, exercises } of preview(plan, [], [traits], '2026-11-30', ['met', 'missed', 'none']))
  console.log(date, exercises[0]?.sets, 'times', exercises[0]?.target);
