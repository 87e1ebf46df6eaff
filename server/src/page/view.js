// What is on the screen. Text goes in by `textContent` alone: nothing that anybody wrote is ever read as HTML.
/** @import { Board } from './board.js' */
/** @import { Connection, StreamEvent } from './types.ts' */

/**
 * @template {Element} [E=HTMLElement]
 * @param {string} selector of what page.html has
 * @param {ParentNode} [within]
 * @returns {E}
 */
export function find(selector, within = document) {
  const element = within.querySelector(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return /** @type {E} */ (element);
}

const CONNECTION = {
  connecting: 'Connecting …',
  live: 'Live',
  reconnecting: 'Reconnecting …',
  paused: 'Paused',
};

/**
 * @param {Connection} state
 * @param {string} [why]
 */
export function showConnection(state, why) {
  const place = find('#connection');
  place.dataset.state = state;
  place.textContent = why === undefined ? CONNECTION[state] : `${CONNECTION[state]} (${why})`;
}

/** @param {Board} board */
export function showBoard(board) {
  showToday(board);
  showResources(board);
  find('#no-tasks').hidden = board.tasks.length > 0;
  fill(
    find('#tasks ul'),
    'task',
    board.tasks,
    ({ id }) => id,
    (row, { id, title, status }) => {
      find('[data-part=title]', row).textContent = title;
      const box = /** @type {HTMLInputElement} */ (find('input', row));
      box.checked = status;
      box.value = String(id);
    },
  );
}

/** Why a target is what it is. */
const REASONS = {
  opening: '',
  met: 'one step more than last time',
  hold: 'the same as last time',
  backed_off: 'a little less, as it was too much',
  break: 'less after a rest',
  top: 'the end of this exercise',
  deload: 'a lighter week',
};

/** What became of the day, and what its button does then. */
const STATES = {
  open: { says: '', button: 'I did all of this' },
  reported: { says: 'The workout is done.', button: 'I did all of this' },
  done: { says: 'Done.', button: 'Open again' },
  skipped: { says: 'Skipped.', button: 'Open again' },
};

/**
 * @param {number} amount
 * @param {string} unit in the singular
 */
const countOf = (amount, unit) => `${amount} ${unit}${amount === 1 ? '' : 's'}`;

/** @param {Board} board */
function showToday({ plan, today }) {
  const { day, workout, nutrition } = today ?? {};
  // The date of the profile, in whichever zone the browser is.
  find('#weekday').textContent = today
    ? new Date(today.date).toLocaleDateString('en', {
        weekday: 'long',
        day: 'numeric',
        month: 'long',
        timeZone: 'UTC',
      })
    : '';
  find('#no-plan').hidden = today?.workout_reason !== 'no_plan';
  find('#goal').textContent = plan ? `Goal: ${plan.goal}` : '';
  const state = STATES[day?.state ?? 'open'];
  find('#day-state').textContent = [
    state.says,
    workout && !workout.due && day?.state === 'open' ? 'No workout is due today; this one is next.' : '',
    today?.workout_reason === 'rest' ? 'A day of rest.' : '',
    day?.streak ? `${countOf(day.streak, 'day')} in a row.` : '',
  ]
    .filter(Boolean)
    .join(' ');
  find('#energy').textContent = nutrition
    ? `${nutrition.kcal} kcal: ${nutrition.protein} g protein, ${nutrition.fat} g fat, ${nutrition.carbohydrate} g carbohydrate. Not medical advice.`
    : '';
  const button = find('#day-form button');
  button.textContent = state.button;
  button.hidden = !today || (!workout && !today.learning?.minutes && day?.state === 'open');
  fill(
    find('#today ul'),
    'exercise',
    workout?.exercises ?? [],
    ({ exercise_id }) => exercise_id,
    (row, { name, sets, target, unit, because, kcal }) => {
      find('[data-part=name]', row).textContent = name;
      find('[data-part=reps]', row).textContent =
        `${sets} × ${target} ${unit === 'reps' ? 'repetitions' : 'seconds'}${kcal === null ? '' : ` · ${kcal} kcal`}`;
      find('[data-part=because]', row).textContent = REASONS[because];
    },
  );
}

/** @param {Board} board */
function showResources({ mental, today }) {
  const quotas = new Map(today?.learning?.resources.map((one) => [one.resource_id, one]));
  find('#no-resources').hidden = (mental?.resources.length ?? 0) > 0;
  find('#mental-goal').textContent = mental
    ? `${mental.data.name}: ${mental.data.goal}. ${mental.data.progress} days left.`
    : '';
  fill(
    find('#resources ul'),
    'resource',
    mental?.resources ?? [],
    ({ resource }) => resource.id,
    (row, { resource, progress }) => {
      const done = `${progress} of ${countOf(resource.volume, resource.unit)}`;
      const { quota = 0, minutes = 0 } = quotas.get(resource.id) ?? {};
      find('[data-part=name]', row).textContent = resource.name;
      find('[data-part=type]', row).textContent = resource.type;
      find('[data-part=done]', row).textContent = done;
      find('[data-part=quota]', row).textContent = quota
        ? `Today: ${countOf(quota, resource.unit)}, ${countOf(minutes, 'minute')}`
        : '';
      const bar = /** @type {HTMLProgressElement} */ (find('progress', row));
      bar.max = resource.volume;
      bar.value = progress;
      bar.ariaLabel = `${resource.name}: ${done}`;
    },
  );
}

/**
 * Makes a list show the items. Rows of items that stay are kept, so that whoever is at one of them stays there.
 * @template T
 * @param {HTMLElement} list
 * @param {string} name of the template of a row
 * @param {readonly T[]} items
 * @param {(item: T) => number} idOf
 * @param {(row: HTMLElement, item: T) => void} show
 */
function fill(list, name, items, idOf, show) {
  const rows = /** @type {HTMLElement[]} */ ([...list.children]);
  const left = new Map(rows.map((row) => [row.dataset.id, row]));
  const wanted = items.map((item) => {
    const id = String(idOf(item));
    const row = left.get(id) ?? rowOf(name);
    left.delete(id);
    row.dataset.id = id;
    show(row, item);
    return row;
  });
  for (const row of left.values()) row.remove();
  for (const [at, row] of wanted.entries())
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
}

/** @param {string} name */
function rowOf(name) {
  const { content } = /** @type {HTMLTemplateElement} */ (find(`#${name}-row`));
  return /** @type {HTMLElement} */ (find('li', content).cloneNode(true));
}

const WHAT = {
  task: 'Task',
  physicalPlan: 'Plan',
  mentalPlan: 'Mental plan',
  resource: 'Resource',
  profile: 'Profile',
  day: 'Day',
};

/**
 * Says what has happened, also to who does not see the screen.
 * @param {readonly StreamEvent[]} events
 */
export function announce(events) {
  const event = events.findLast(({ type }) => type.includes('.'));
  if (!event || !('data' in event)) return;
  const [what, how] = /** @type {[keyof typeof WHAT, string]} */ (event.type.split('.'));
  const { data } = event;
  const name = 'title' in data ? data.title : 'name' in data ? data.name : 'goal' in data ? data.goal : '';
  find('#news').textContent = `${WHAT[what]} ${how}${name && `: ${name}`}`;
}
