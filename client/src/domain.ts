/**
 * The rules that the server computes a day by, for frontends that show one while they are offline. Plain data in and out:
 * the clock and the catalogue are arguments, and nothing else is imported. Where the two differ, by the age of their
 * time zone data for example, the server's answer holds.
 *
 * `@stepwise/client/domain/dry-run` tells what would become of a plan or a day.
 * @module
 */
export {
  type Aim,
  aimOf,
  type Because,
  type EnergyInput,
  type EnergyReason,
  type ExerciseTraits,
  energy,
  isLosingFast,
  kcalPerKg,
  type Ladder,
  type LearningResource,
  localDate,
  type Nutrition,
  nextOccurrence,
  type Progression,
  pour,
  type Recurrence,
  type RunDay,
  type Schedule,
  type Streak,
  step,
  streak,
  type TrainingPlan,
  type TrainingSession,
  type TrendPoint,
  target,
  trend,
  type WeighIn,
} from '@stepwise/server/domain';
