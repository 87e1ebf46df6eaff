export * from './events.ts';
export * from './exports.ts';
export * from './idempotency.ts';
export * from './mentalPlans.ts';
export * from './physicalPlans.ts';
export * from './sessions.ts';
export * from './tasks.ts';
export * from './users.ts';
