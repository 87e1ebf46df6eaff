// The default data: the eight exercises that each day of a new plan gets.
import type { Database } from './client.ts';
import { builder } from './orm.ts';
import { exercises } from './schema/index.ts';

const exercise = (
  name: string,
  calories_burned: number,
  start_reps: number,
  end_reps: number,
  step: number,
  description: string,
) => ({
  name,
  calories_burned,
  start_reps,
  end_reps,
  step,
  description,
});

/** In the order of a day. */
export const DEFAULT_EXERCISES = [
  exercise(
    'Отжимания',
    7.5,
    5,
    25,
    2,
    'Укрепляют грудь, трицепсы и передние дельты: в упоре лёжа держите тело прямой линией, опускайтесь, пока грудь почти не коснётся пола, и выжимайте себя вверх.',
  ),
  exercise(
    'Приседания',
    5,
    10,
    50,
    4,
    'Развивают бёдра и ягодицы: стопы на ширине плеч, спина прямая, опускайтесь до параллели бёдер с полом, не отрывая пяток, и вставайте.',
  ),
  exercise(
    'Скручивания на пресс',
    3.5,
    15,
    45,
    3,
    'Нагружают прямую мышцу живота: лёжа на спине с согнутыми коленями поднимайте лопатки от пола на выдохе, не тяните голову руками.',
  ),
  exercise(
    'Выпады',
    5.5,
    8,
    40,
    4,
    'Тренируют бёдра, ягодицы и равновесие: шагните вперёд, опуститесь, пока оба колена не согнутся под прямым углом, вернитесь и смените ногу.',
  ),
  exercise(
    'Бёрпи',
    9,
    5,
    20,
    1,
    'Поднимают выносливость и нагружают всё тело: из приседа прыжком перейдите в упор лёжа, отожмитесь, верните ноги к рукам и выпрыгните вверх.',
  ),
  exercise(
    'Подъёмы на носки стоя',
    2,
    15,
    45,
    5,
    'Укрепляют икры и голеностоп: стоя прямо, плавно поднимитесь на носки, задержитесь на секунду и медленно опустите пятки.',
  ),
  exercise(
    'Горные альпинисты',
    6.5,
    20,
    60,
    5,
    'Тренируют корпус и сердечно-сосудистую систему: в упоре лёжа поочерёдно и быстро подтягивайте колени к груди, не поднимая таз.',
  ),
  exercise(
    'Ягодичный мостик',
    4,
    10,
    40,
    3,
    'Нагружает ягодицы и заднюю поверхность бедра: лёжа на спине с согнутыми коленями поднимите таз до прямой линии от плеч до колен и медленно опустите.',
  ),
];

/** Adds the default exercises that are missing; one that an operator has edited stays as it is. */
export async function seedExercises(db: Database): Promise<void> {
  // Looked for first: who only reads exercises may start where they all are.
  const found = await db.execute(builder.select({ default_order: exercises.default_order }).from(exercises));
  const there = new Set(found.map(({ default_order }) => default_order));
  const rows = DEFAULT_EXERCISES.map((values, index) => ({ ...values, default_order: index + 1 }));
  const missing = rows.filter(({ default_order }) => !there.has(default_order));
  if (missing.length > 0)
    await db.execute(
      builder.insert(exercises).values(missing).onConflictDoNothing({ target: exercises.default_order }),
    );
}
