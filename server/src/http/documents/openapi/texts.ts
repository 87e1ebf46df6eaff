// What the document says besides what procedures say of themselves.

export const DESCRIPTION = `The REST side of Stepwise. Every operation is also a tRPC procedure under \`/trpc\`; its \`operationId\` is the procedure's name.

To begin, register with \`POST /users\`, or sign in with \`POST /users/signIn\`: the \`access_token\` of the answer goes with every other request, as \`Authorization: Bearer <access_token>\`.

Weights are in kilograms, heights in centimetres, ages in years; moments are UTC, as ISO 8601. The *current* plan of a user, of either kind, is the one that was made last.
Numbers and booleans may be sent as text (\`"7"\`, \`"true"\`). Keys that an operation does not know are ignored.
Every answer carries \`X-Request-Id\`. Errors are \`application/problem+json\` (RFC 9457).
Where calls are limited, \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` (seconds) tell how many are left.`;

export const TAGS = {
  Auth: 'Accounts and tokens.',
  'Physical plans': 'A week of workouts.',
  'Mental plans': 'Books, courses and videos to finish in so many days.',
  Resources: 'The books, courses and videos themselves.',
  Tasks: 'Things to do besides.',
  History: 'What was done: day by day, and in sums.',
  Days: 'What was done on a date, for good.',
  Body: 'Weights by date, and their trend.',
  Profile: 'How the days of a user are computed: where they begin, and what is asked of a day.',
  Calendars: 'Calendar files of the days of a user, for other programs.',
  Exports: 'Files with everything that is kept of a user.',
  Events: 'What happens to all of these, as it happens.',
  Health: 'For probes.',
};

export const BEARER = 'bearer';

export const SECURITY_SCHEMES = {
  [BEARER]: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'The `access_token` that `POST /users` (register) and `POST /users/signIn` answer with. After `expires_in` seconds `POST /users/refresh` gives the next one.',
  },
} as const;

/** Whose id a path has, by how the path begins. */
const IDS: [string, string][] = [
  ['/users/me/sessions/', 'The id of the session.'],
  ['/users/me/exports/', 'The id of the export.'],
  ['/users/me/calendars/', 'The id of the calendar.'],
  ['/users/', 'The id of the caller: `user_id` of the token answer.'],
  ['/physicalPlans/', 'The id of the physical plan.'],
  ['/mentalPlans/', 'The id of the mental plan.'],
  ['/resources/', 'The id of the resource.'],
  ['/outherTasks/', 'The id of the task.'],
];

export const idIn = (path: string): string | undefined =>
  IDS.find(([prefix]) => path.startsWith(prefix))?.[1];
