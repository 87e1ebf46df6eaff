// The exercises in memory, once for each language. They are few and seldom change, while each view of a plan names every
// one of them seven times.
import type { Database } from '../db/database.ts';
import type { Equipment, Pattern } from '../domain/index.ts';
import type { MetricDefinition } from '../telemetry/metricDefinition.ts';

export type Language = 'en' | 'ru';

export interface CachedExercise {
  readonly id: number;
  /** In the language that was asked for, where there is a translation, as is the description. */
  readonly name: string;
  readonly description: string;
  /** Kilocalories. */
  readonly calories_burned: number;
  readonly start_reps: number;
  readonly end_reps: number;
  readonly step: number;
  /** A name that never changes; null for an exercise of an operator's own. */
  readonly key: string | null;
  /** What repetitions count. */
  readonly unit: 'reps' | 'seconds';
  /** Whether repetitions are counted for each side. */
  readonly unilateral: boolean;
  readonly seconds_per_rep: number;
  /** Metabolic equivalent of task, and the entry of the Compendium that it is from; null: unknown. */
  readonly met: number | null;
  readonly met_code: string | null;
  readonly met_year: number | null;
  /** The place in each day of a default plan. */
  readonly default_order: number | null;
  /** What is moved; this and all below are null, empty or false for an exercise of an operator's own. */
  readonly pattern: Pattern | null;
  /** The prime movers. */
  readonly muscles: readonly string[];
  /** Variations of one movement, and the place among them: 1 is the easiest. */
  readonly chain: string | null;
  readonly chain_order: number | null;
  /** Who can usually begin with it: 1 to 5. */
  readonly level: number | null;
  /** What is needed. */
  readonly equipment: readonly Equipment[];
  /** Whether the sides take turns, and repetitions count both together. */
  readonly alternating: boolean;
  /** Whether it has jumps. */
  readonly impact: boolean;
  /** The first target for a user of level 1 to 5; null where it is not offered. */
  readonly starts_by_level: readonly (number | null)[] | null;
}

/** An exercise whose name and description are Russian, with its translation. */
export interface TranslatedExercise extends CachedExercise {
  readonly name_en: string | null;
  readonly description_en: string | null;
}

export type Exercises = ReadonlyMap<number, CachedExercise>;

export interface ExerciseCache {
  /**
   * @param language null: Russian
   * @returns the exercises by id in this version of the catalogue; they are read if another version is in memory
   */
  get(db: Database, version: number, language: Language | null): Promise<Exercises>;
  readonly metricDefinitions: readonly MetricDefinition[];
}

/**
 * @param read answers an undefined version if there are no exercises
 * @param isOn whether anything is kept; else each call reads
 */
export function createExerciseCache(
  read: (db: Database) => Promise<{
    version: number | undefined;
    exercises: ReadonlyMap<number, TranslatedExercise>;
  }>,
  isOn = true,
): ExerciseCache {
  let known: ({ version: number } & Record<Language, Exercises>) | undefined;
  const reads = { memory: 0, database: 0 };
  return {
    async get(db, version, language) {
      if (known?.version === version) {
        reads.memory++;
        return known[language ?? 'ru'];
      }
      reads.database++;
      const found = await read(db);
      const translated = { ru: inLanguage(found.exercises, 'ru'), en: inLanguage(found.exercises, 'en') };
      if (isOn && found.version !== undefined) known = { version: found.version, ...translated };
      return translated[language ?? 'ru'];
    },
    metricDefinitions: [
      {
        name: 'stepwise_catalogue_reads_total',
        help: 'The exercises that a plan names: in memory in its version, or read from the database',
        type: 'counter',
        label: 'from',
        read: () => reads,
      },
    ],
  };
}

const inLanguage = (exercises: ReadonlyMap<number, TranslatedExercise>, language: Language): Exercises =>
  new Map(
    [...exercises].map(([id, { name_en, description_en, ...exercise }]) => [
      id,
      language === 'en'
        ? {
            ...exercise,
            name: name_en ?? exercise.name,
            description: description_en ?? exercise.description,
          }
        : exercise,
    ]),
  );
