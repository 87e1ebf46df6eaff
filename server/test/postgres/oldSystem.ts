// A database as the system before this one left it, with everything in it that our contract does not allow.
import type postgres from 'postgres';

/** Of "correct horse", made by libxcrypt. */
export const HASH = '$2b$05$XajjQvNhvvRt5GSeFk1xFeyj7h/sdLt492komb61R86ZwgmHxm5FW';

const TABLES = `
create type gender as enum ('MALE', 'FEMALE', 'OTHER');
create type resourcetype as enum ('BOOK', 'COURSE', 'VIDEO', 'PODCAST');
create table users (id serial primary key, login varchar, password varchar, created_at timestamp);
create table physical_plans (id serial primary key, user_id int references users, goal varchar, age float, gender gender, weight float,
  height float, bmi float, progress float, day int);
create table workouts (id serial primary key, physical_plan_id int references physical_plans, day_of_week int);
create table exercises (id serial primary key, name varchar, calories_burned float, description varchar, start_reps int, end_reps int, step int);
create table workout_exercises (id serial primary key, workout_id int references workouts, exercise_id int references exercises);
create table mental_plans (id serial primary key, user_id int references users, name varchar, goal varchar, progress float);
create table resources (id bigserial primary key, type resourcetype, name varchar, description varchar, volume float);
create table mental_plan_resources (id serial primary key, mental_plan_id int references mental_plans, resource_id bigint references resources,
  progress float);
create table outer_tasks (id serial primary key, user_id int references users, title varchar, status boolean);
`;

const ROWS = `
insert into users (id, login, password, created_at) values
  (3, 'Ann', '${HASH}', '2023-04-05 06:07:08.123456'),
  (5, 'ann', '${HASH}', '2023-04-06'),
  (6, 'has space', '${HASH}', '2023-04-06'),
  (7, null, '${HASH}', '2023-04-06'),
  (8, 'bob', 'plain text password', null),
  (9, 'Карл', '\\x${Buffer.from(HASH).toString('hex')}', 'infinity'),
  (12, 'dora', null, '2023-04-06'),
  (13, E'Ann\\uFE0F', '${HASH}', '2023-04-06'),
  (14, E'\\u3164', '${HASH}', '2023-04-06'),
  (40, 'empty', '${HASH.replace('$2b$', '$2y$')}', '2023-04-07');

insert into exercises (id, name, calories_burned, description, start_reps, end_reps, step) values
  (1, 'Планка', 'NaN', null, 0, -1, null),
  (2, ' бЕрпи ', 9, 'Их старое описание', 5, 20, 1),
  (3, 'Отжимания', 7.5, '', 1, 2, 3),
  (20, 'Отжимания', 6, 'Второй раз', 5, 25, 2),
  (21, null, 1, 'Без имени', 1, 10, 1);

insert into physical_plans (id, user_id, goal, age, gender, weight, height, bmi, progress, day) values
  (1, 3, 'First', 30, 'FEMALE', 60, 170, 99, 1.5, 3),
  (2, 3, null, 200, 'FEMALE', 5, 1.7, null, null, null),
  (3, 3, 'x', 30.7, 'MALE', 70.5, 20, 1, -1, 9),
  (4, 8, '   ', 30, 'MALE', 700, 400, 1, 'Infinity', 0),
  (5, 8, 'No weight', 30, 'MALE', null, 170, 1, 0, 1),
  (6, 8, 'No gender', 30, null, 70, 170, 1, 0, 1),
  (7, 8, 'Other', 30, 'OTHER', 70, 170, 1, 0, 1),
  (8, 5, 'Refused user', 30, 'MALE', 70, 170, 1, 0, 1),
  (9, null, 'Nobody', 30, 'MALE', 70, 170, 1, 0, 1),
  (10, 9, '${'ю'.repeat(600)}', 30, 'MALE', 'NaN', 170, 1, 0, 1),
  (11, 9, '${'ю'.repeat(600)}', 30, 'MALE', 70, 170, 1, 3e300, 7);

insert into workouts (id, physical_plan_id, day_of_week)
  select n, 1, n from generate_series(1, 7) as n;
insert into workouts (id, physical_plan_id, day_of_week) values
  (10, 11, 1), (11, 11, 2), (12, 11, 1), (13, 11, 8), (14, 11, null), (15, 8, 1), (16, null, 1), (17, 11, 3);

insert into workout_exercises (id, workout_id, exercise_id)
  select n, n, 1 from generate_series(1, 7) as n;
insert into workout_exercises (id, workout_id, exercise_id) values
  (10, 10, 1), (11, 10, 3), (12, 12, 3), (13, 12, 20), (14, 11, 2), (15, 15, 1), (16, 10, null), (17, null, 1), (18, 10, 1);

insert into mental_plans (id, user_id, name, goal, progress) values
  (1, 3, 'Spring', 'Read', 20), (2, 3, null, '', null), (3, 8, 'Bob reads', 'More', 9999.5), (4, 5, 'Refused user', 'x', 1),
  (5, 12, 'Dora', 'Watch', -3), (6, null, 'Nobody', 'x', 1);

insert into resources (id, type, name, description, volume) values
  (1, 'BOOK', 'One reader', 'Text', 300), (2, 'VIDEO', 'Three readers', null, 90.5), (3, 'COURSE', 'Unlinked', '', 10),
  (4, 'PODCAST', 'Of no type', '', 10), (5, null, 'Null type', '', 10), (6, 'BOOK', null, '${'d'.repeat(5001)}', 2e6),
  (7, 'BOOK', 'No volume', '', null), (8, 'BOOK', 'Zero volume', '', 0), (9, 'BOOK', 'Of a refused user', '', 5),
  (10, 'BOOK', 'First of a refused user', '', 5), (3000000000, 'BOOK', 'Great id', '', 5);

insert into mental_plan_resources (id, mental_plan_id, resource_id, progress) values
  (1, 1, 1, 25.5), (2, 2, 1, 400), (3, 1, 2, 10), (4, 3, 2, null), (5, 5, 2, 'NaN'), (6, 2, 2, 90.5), (7, 2, 2, 20), (8, 3, 2, 30),
  (9, 1, 4, 1), (10, 1, 5, 1), (11, 2, 6, -1), (12, 2, 7, 42), (13, 2, 8, 0), (14, 4, 9, 1), (15, 4, 10, 1), (16, 3, 10, 1),
  (17, null, 1, 1), (18, 3, null, 1), (19, 2, 3000000000, 5);

insert into outer_tasks (id, user_id, title, status) values
  (1, 3, 'Buy shoes', true), (2, 3, null, null), (3, 8, E'\\t', false), (4, 9, '${'🏃'.repeat(501)}', true), (5, 5, 'Refused user', false),
  (6, null, 'Nobody', false), (2000000001, 3, 'Great id', false);
`;

/** Fills an empty database. */
export async function makeOldSystem(database: postgres.Sql): Promise<void> {
  await database.unsafe(TABLES);
  await database.unsafe(ROWS);
}
