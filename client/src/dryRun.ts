/**
 * What would become of a plan or a day, by the rules of the server: `preview` tells the sessions of a plan to come,
 * `transition` the effects of completing, correcting, skipping or reopening a date. Both are larger than most of
 * `@stepwise/client/domain`, so they are an entry of their own.
 * @module
 */
export {
  type Action,
  type Content,
  type Effects,
  type Fact,
  type Outcome,
  type PreviewedPlan,
  type PreviewedSession,
  preview,
  type Refusal,
  type SessionOutcome,
  type State,
  transition,
} from '@stepwise/server/domain';
