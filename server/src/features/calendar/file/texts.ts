// The words of a calendar file, which no frontend puts into the language of its user.

export interface Texts {
  readonly workout: string;
  readonly done: string;
  readonly doneWorkout: string;
  readonly seconds: string;
  readonly eachSide: string;
  readonly met: string;
  readonly pages: string;
  readonly chapters: string;
  readonly lessons: string;
  readonly minutes: string;
  readonly tasks: string;
}

export const TEXTS: Readonly<Record<'en' | 'ru', Texts>> = {
  en: {
    workout: 'Workout',
    done: 'Done',
    doneWorkout: 'Done: workout',
    seconds: 's',
    eachSide: 'each side',
    met: 'Targets met',
    pages: 'Pages',
    chapters: 'Chapters',
    lessons: 'Lessons',
    minutes: 'Minutes of video',
    tasks: 'Tasks',
  },
  ru: {
    workout: 'Тренировка',
    done: 'Сделано',
    doneWorkout: 'Сделано: тренировка',
    seconds: 'с',
    eachSide: 'на каждую сторону',
    met: 'Цели достигнуты',
    pages: 'Страницы',
    chapters: 'Главы',
    lessons: 'Уроки',
    minutes: 'Минуты видео',
    tasks: 'Задачи',
  },
};
