// All that is known of the server here: a type. The build puts a declaration that stands alone in this file's place.
export type { AppRouter } from '@stepwise/server/router';
