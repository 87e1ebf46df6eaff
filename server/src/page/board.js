// What is known of the user's plan, resources and tasks, and what events make of it.
/** @import { Session } from './session.js' */
/** @import { MentalPlanView, PhysicalPlanView, StreamEvent, Task } from './types.ts' */
import { Refusal } from './session.js';

export class Board {
  #session;
  /** @type {Map<number, Task>} */
  #tasks = new Map();
  /** The current plan; null while there is none. @type {PhysicalPlanView | null} */
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
        return [this.#readTasks, this.#readPlan, this.#readMental];
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
        return [this.#readPlan];
      case 'end':
        return [];
      default:
        return [this.#readMental];
    }
  }

  #readTasks = async () => {
    const tasks = /** @type {Task[]} */ (await this.#read('outer-tasks'));
    this.#tasks = new Map(tasks.map((task) => [task.id, task]));
  };

  #readPlan = async () => {
    this.plan = /** @type {PhysicalPlanView | null} */ (
      await this.#readCurrent('physicalPlans', 'physical-plan')
    );
  };

  #readMental = async () => {
    this.mental = /** @type {MentalPlanView | null} */ (
      await this.#readCurrent('mentalPlans', 'mental-plan')
    );
  };

  /**
   * Asks first whether there is one: browsers take a 404 for a fault and tell so in their console.
   * @param {string} list
   * @param {string} view
   */
  async #readCurrent(list, view) {
    const newest = /** @type {unknown[]} */ (await this.#session.call(`/${list}?limit=1`));
    if (newest.length === 0) return null;
    try {
      return await this.#read(view);
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
