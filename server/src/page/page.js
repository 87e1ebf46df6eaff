// Wires the page: forms, buttons, and the live view of who is signed in.
import { Board } from './board.js';
import { Refusal, Session } from './session.js';
import { follow, SessionOver } from './stream.js';
import { announce, find, showBoard, showConnection } from './view.js';

/** Who is signed in here. @type {{ session: Session, board: Board, leaving: AbortController } | undefined} */
let present;

const entry = /** @type {HTMLFormElement} */ (find('#entry form'));
const day = /** @type {HTMLFormElement} */ (find('#day-form'));
const newTask = /** @type {HTMLFormElement} */ (find('#tasks form'));

onSubmit(entry, async (fields, pressed) => {
  const credentials = { login: String(fields.get('login')), password: String(fields.get('password')) };
  const session = await (pressed === 'register'
    ? Session.register(credentials)
    : Session.signIn(credentials));
  enter(session, credentials.login);
});

onSubmit(newTask, async (fields) => {
  await present?.session.call('/outherTasks', { method: 'POST', body: { title: fields.get('title') } });
  // What is shown comes with the events alone: there is one order of things, the server's.
  newTask.reset();
});

onSubmit(day, async () => {
  if (!present) return;
  const { board } = present;
  // What is shown comes with the event.
  if (board.today?.day.state === 'done' || board.today?.day.state === 'skipped') await board.reopen();
  else await board.complete();
});

find('#tasks ul').addEventListener('change', async ({ target }) => {
  const box = /** @type {HTMLInputElement} */ (target);
  complain(newTask);
  try {
    await present?.session.call(`/outherTasks/${box.value}`, {
      method: 'PATCH',
      body: { status: box.checked },
    });
  } catch (error) {
    fail(newTask, error);
    if (present) showBoard(present.board);
  }
});

find('#sign-out').addEventListener('click', async () => {
  const left = present?.session;
  leave('Signed out.');
  try {
    await left?.end();
  } catch {
    // Somebody else may have come since.
    if (!present) say('Signed out here. The server could not be told: there the session ends by itself.');
  }
});

// Tokens go with the page, so nobody could come back to this session: it need not be kept on the server.
addEventListener('pagehide', ({ persisted }) => {
  if (!persisted) present?.session.end().catch(() => {});
});

// The day may be over while nobody touches the page.
setInterval(async () => {
  const board = present?.board;
  if (!board?.isOver || document.hidden) return;
  try {
    await board.readToday();
    if (present?.board === board) showBoard(board);
  } catch {
    // A minute later there is another try; that nobody is there the stream says.
  }
}, 60_000);

/**
 * @param {Session} session
 * @param {string} login
 */
function enter(session, login) {
  const board = new Board(session);
  const leaving = new AbortController();
  const isHere = () => present?.session === session;
  present = { session, board, leaving };
  entry.reset();
  say('');
  find('#login').textContent = login;
  find('#news').textContent = '';
  showBoard(board);
  show('#board');
  follow(
    session,
    async (events) => {
      await board.take(events);
      if (!isHere()) return;
      showBoard(board);
      announce(events);
    },
    (state, why) => {
      if (isHere()) showConnection(state, why === undefined ? undefined : sentenceOf(why));
    },
    leaving.signal,
  ).catch((error) => {
    if (isHere()) leave(endOf(error));
  });
}

/** @param {string} why */
function leave(why) {
  present?.leaving.abort();
  present = undefined;
  newTask.reset();
  complain(newTask);
  complain(day);
  for (const row of document.querySelectorAll('#board li')) row.remove();
  for (const place of ['#login', '#goal', '#mental-goal', '#news', '#weekday', '#day-state', '#energy'])
    find(place).textContent = '';
  show('#entry');
  say(why);
}

/**
 * Shows one of the two parts of the page, and takes whoever uses the keyboard there.
 * @param {'#entry' | '#board'} part
 */
function show(part) {
  find('#entry').hidden = part !== '#entry';
  find('#board').hidden = part !== '#board';
  find(`${part} h2`).focus();
}

/** @param {string} text */
function say(text) {
  find('#note').textContent = text;
}

/** @param {unknown} error */
function endOf(error) {
  if (error instanceof SessionOver && error.message === 'user_removed')
    return 'This account has been removed.';
  return 'Your session has ended. Sign in again.';
}

/**
 * @param {HTMLFormElement} form
 * @param {(fields: FormData, pressed: string) => Promise<void>} action
 */
function onSubmit(form, action) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    // A second press while the first is under way.
    if (form.ariaBusy === 'true') return;
    form.ariaBusy = 'true';
    complain(form);
    try {
      await action(
        new FormData(form),
        /** @type {HTMLButtonElement | null} */ (event.submitter)?.value ?? '',
      );
    } catch (error) {
      fail(form, error);
    } finally {
      form.ariaBusy = 'false';
    }
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {unknown} error
 */
function fail(form, error) {
  if (form !== entry && error instanceof Refusal && error.isEnd) leave(endOf(error));
  else complain(form, error);
}

/** What the page's one field is called in the answers to a sign-in. */
const FIELDS = /** @type {Record<string, string>} */ ({ username: 'login' });

/**
 * Shows at the form what the server did not like, and at which field; without an error nothing.
 * @param {HTMLFormElement} form
 * @param {unknown} [error]
 */
function complain(form, error) {
  const problems =
    error instanceof Refusal
      ? error.errors.map(({ path, message }) => ({ field: FIELDS[path] ?? path, message }))
      : [];
  for (const input of form.querySelectorAll('input'))
    input.ariaInvalid = String(problems.some(({ field }) => field === input.name));
  const sentences = problems.map(({ field, message }) => `${field}: ${message}`);
  find('[role=alert]', form).textContent =
    error === undefined ? '' : [sentenceOf(error), ...sentences].join('. ');
}

/** @param {unknown} error */
const sentenceOf = (error) => (error instanceof Refusal ? error.message : 'The server cannot be reached');
