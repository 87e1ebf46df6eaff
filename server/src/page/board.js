// What is known of the user's plan, resources and tasks, and what events make of it.
/** @import { Session } from './session.js' */
/** @import { MentalPlanView, PhysicalPlanRow, StreamEvent, Task, Today } from './types.ts' */
import { Refusal } from './session.js';

export class Board {
  #session;
  /** @type {Map<number, Task>} */
  #tasks = new Map();
  /** What to do today; null until it was read. @type {Today | null} */
  today = null;
  /** The current plan; null while there is none. @type {PhysicalPlanRow | null} */
  plan = null;
  /** The current mental plan with its resources; null while there is none. @type {MentalPlanView | null} */
  mental = null;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** Newest first. */
  get tasks() {
    return [...this.#tasks.values()].sort((a, b) => b.id - a.id);
  }

  /**
   * Takes events that came together. Of tasks they say everything. Which plan is the current one and what is in it they do
   * not: it is read, once for all of them. What is read may be newer than the events that follow; they lead to the same.
   * @param {readonly StreamEvent[]} events
   * @throws when something could not be read; then the same events are to be taken again
   */
  async take(events) {
    const stale = new Set(events.flatMap((event) => this.#staleAfter(event)));
    await Promise.all([...stale].map((read) => read()));
  }

  /**
   * @param {StreamEvent} event
   * @returns {(() => Promise<void>)[]} what has to be read now
   */
  #staleAfter(event) {
    switch (event.type) {
      case 'ready':
      case 'resync':
        return [this.#readTasks, this.#readPlan, this.#readMental, this.readToday];
      case 'task.created':
      case 'task.changed':
        this.#tasks.set(event.data.id, event.data);
        return [];
      case 'task.removed':
        this.#tasks.delete(event.data.id);
        return [];
      case 'physicalPlan.created':
      case 'physicalPlan.changed':
      case 'physicalPlan.removed':
        return [this.#readPlan, this.readToday];
      case 'profile.changed':
      case 'day.changed':
      case 'body.changed':
        return [this.readToday];
      case 'end':
        return [];
      default:
        return [this.#readMental, this.readToday];
    }
  }

  #readTasks = async () => {
    const tasks = /** @type {Task[]} */ (await this.#read('outer-tasks'));
    this.#tasks = new Map(tasks.map((task) => [task.id, task]));
  };

  /** Whether it is another date by now than the one that is shown. */
  get isOver() {
    if (!this.today) return false;
    const { date, time_zone: timeZone, day_start } = this.today;
    const now = new Date(Date.now() - day_start * 3_600_000);
    return now.toLocaleDateString('en-CA', { timeZone }) !== date;
  }

  readToday = async () => {
    this.today = /** @type {Today} */ (await this.#session.call('/users/me/today'));
  };

  /** Says that all that was asked for today is done. @throws what the server refuses */
  async complete() {
    const { date, workout, learning } = /** @type {Today} */ (this.today);
    const exercises = workout?.exercises.map(({ exercise_id, target, sets }) => ({
      exercise_id,
      target,
      done: Array(sets).fill(target),
    }));
    const resources = learning?.resources
      .filter(({ quota }) => quota > 0)
      .slice(0, 100)
      .map(({ resource_id, quota }) => ({ resource_id, delta: quota }));
    await this.#session.call(`/users/me/days/${date}`, {
      method: 'POST',
      body: {
        workout: workout && exercises?.length ? { plan_id: workout.plan_id, exercises } : null,
        resources: resources ?? [],
      },
    });
  }

  /** Takes back what was said of today. @throws what the server refuses */
  async reopen() {
    await this.#session.call(`/users/me/days/${this.today?.date}/reopen`, { method: 'POST', body: {} });
  }

  #readPlan = async () => {
    const [newest] = /** @type {PhysicalPlanRow[]} */ (await this.#session.call('/physicalPlans?limit=1'));
    this.plan = newest ?? null;
  };

  #readMental = async () => {
    this.mental = await this.#readMentalPlan();
  };

  /** Asks first whether there is one: browsers take a 404 for a fault and tell so in their console. */
  async #readMentalPlan() {
    const newest = /** @type {unknown[]} */ (await this.#session.call('/mentalPlans?limit=1'));
    if (newest.length === 0) return null;
    try {
      return /** @type {MentalPlanView} */ (await this.#read('mental-plan'));
    } catch (error) {
      // Removed between the two.
      if (error instanceof Refusal && error.code === 'NOT_FOUND') return null;
      throw error;
    }
  }

  /** @param {string} what the user has */
  #read(what) {
    return this.#session.call(`/users/${this.#session.user_id}/${what}`);
  }
}
