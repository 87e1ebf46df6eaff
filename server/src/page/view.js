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

const UNITS = { book: 'pages', course: 'lessons', video: 'minutes' };

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

/** @param {Board} board */
export function showToday({ plan }) {
  const now = new Date();
  find('#weekday').textContent = now.toLocaleDateString('en', { weekday: 'long' });
  find('#no-plan').hidden = plan !== null;
  find('#goal').textContent = plan ? `Goal: ${plan.data.goal}` : '';
  // Weeks begin with Monday, day 1.
  const today = plan?.days.find(({ day_of_week }) => day_of_week === (now.getDay() || 7));
  fill(
    find('#today ul'),
    'exercise',
    today?.exercises ?? [],
    ({ id }) => id,
    (row, exercise) => {
      find('[data-part=name]', row).textContent = exercise.name;
      find('[data-part=reps]', row).textContent =
        `${exercise.start_reps} to ${exercise.end_reps} repetitions, by ${exercise.step} · ${exercise.calories_burned} kcal`;
      find('[data-part=description]', row).textContent = exercise.description;
    },
  );
}

/** @param {Board} board */
function showResources({ mental }) {
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
      const done = `${progress} of ${resource.volume} ${UNITS[resource.type]}`;
      find('[data-part=name]', row).textContent = resource.name;
      find('[data-part=type]', row).textContent = resource.type;
      find('[data-part=done]', row).textContent = done;
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

const WHAT = { task: 'Task', physicalPlan: 'Plan', mentalPlan: 'Mental plan', resource: 'Resource' };

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
