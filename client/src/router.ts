// The router's type is all that the client uses of the server. The build replaces this file by a self-contained declaration.
export type { AppRouter } from '@stepwise/server/router';
