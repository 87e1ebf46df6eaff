// The eight exercises that each day of a new plan has.

/** An entry of the 2011 Compendium of Physical Activities (Ainsworth et al., Med Sci Sports Exerc 43:1575). */
const COMPENDIUM_YEAR = 2011;
const VIGOROUS = { met: 8, met_code: '02020', met_year: COMPENDIUM_YEAR };
const MODERATE = { met: 3.8, met_code: '02022', met_year: COMPENDIUM_YEAR };
const LIGHT = { met: 2.8, met_code: '02024', met_year: COMPENDIUM_YEAR };
const UP_AND_DOWN = { met: 3.5, met_code: '02030', met_year: COMPENDIUM_YEAR };

const exercise = (
  key: string,
  effort: { met: number; met_code: string; met_year: number },
  seconds_per_rep: number,
  name: string,
  calories_burned: number,
  start_reps: number,
  end_reps: number,
  step: number,
  description: string,
) => ({
  key,
  ...effort,
  seconds_per_rep,
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
    'push_up',
    MODERATE,
    3,
    'Отжимания',
    7.5,
    5,
    25,
    2,
    'Укрепляют грудь, трицепсы и передние дельты: в упоре лёжа держите тело прямой линией, опускайтесь, пока грудь почти не коснётся пола, и выжимайте себя вверх.',
  ),
  exercise(
    'squat',
    MODERATE,
    3,
    'Приседания',
    5,
    10,
    50,
    4,
    'Развивают бёдра и ягодицы: стопы на ширине плеч, спина прямая, опускайтесь до параллели бёдер с полом, не отрывая пяток, и вставайте.',
  ),
  exercise(
    'crunch',
    LIGHT,
    3,
    'Скручивания на пресс',
    3.5,
    15,
    45,
    3,
    'Нагружают прямую мышцу живота: лёжа на спине с согнутыми коленями поднимайте лопатки от пола на выдохе, не тяните голову руками.',
  ),
  exercise(
    'lunge',
    MODERATE,
    3,
    'Выпады',
    5.5,
    8,
    40,
    4,
    'Тренируют бёдра, ягодицы и равновесие: шагните вперёд, опуститесь, пока оба колена не согнутся под прямым углом, вернитесь и смените ногу.',
  ),
  exercise(
    'burpee',
    VIGOROUS,
    5,
    'Бёрпи',
    9,
    5,
    20,
    1,
    'Поднимают выносливость и нагружают всё тело: из приседа прыжком перейдите в упор лёжа, отожмитесь, верните ноги к рукам и выпрыгните вверх.',
  ),
  exercise(
    'calf_raise',
    LIGHT,
    2,
    'Подъёмы на носки стоя',
    2,
    15,
    45,
    5,
    'Укрепляют икры и голеностоп: стоя прямо, плавно поднимитесь на носки, задержитесь на секунду и медленно опустите пятки.',
  ),
  exercise(
    'mountain_climber',
    VIGOROUS,
    1,
    'Горные альпинисты',
    6.5,
    20,
    60,
    5,
    'Тренируют корпус и сердечно-сосудистую систему: в упоре лёжа поочерёдно и быстро подтягивайте колени к груди, не поднимая таз.',
  ),
  exercise(
    'glute_bridge',
    UP_AND_DOWN,
    3,
    'Ягодичный мостик',
    4,
    10,
    40,
    3,
    'Нагружает ягодицы и заднюю поверхность бедра: лёжа на спине с согнутыми коленями поднимите таз до прямой линии от плеч до колен и медленно опустите.',
  ),
];
