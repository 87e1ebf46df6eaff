// Made from the router of the server.
interface FieldError {
    path: string;
    message: string;
}
interface ReachedQuota {
    readonly name: string;
    readonly limit: number;
}
interface ErrorShape {
    code: import("@trpc/server").TRPC_ERROR_CODE_NUMBER;
    message: string;
    data: {
        code: "BAD_GATEWAY" | "BAD_REQUEST" | "CLIENT_CLOSED_REQUEST" | "CONFLICT" | "FORBIDDEN" | "GATEWAY_TIMEOUT" | "INTERNAL_SERVER_ERROR" | "METHOD_NOT_SUPPORTED" | "NOT_FOUND" | "NOT_IMPLEMENTED" | "PARSE_ERROR" | "PAYLOAD_TOO_LARGE" | "PAYMENT_REQUIRED" | "PRECONDITION_FAILED" | "PRECONDITION_REQUIRED" | "SERVICE_UNAVAILABLE" | "TIMEOUT" | "TOO_MANY_REQUESTS" | "UNAUTHORIZED" | "UNPROCESSABLE_CONTENT" | "UNSUPPORTED_MEDIA_TYPE";
        httpStatus: number;
        path?: string | undefined;
        reason: "ACCOUNT_BLOCKED" | "BATCH_TOO_LARGE" | "EXPECTATION_FAILED" | "HEADERS_TOO_LARGE" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "INTERNAL" | "LOGIN_TAKEN" | "METHOD_NOT_ALLOWED" | "NOT_FOUND" | "PAYLOAD_TOO_LARGE" | "PRECONDITION_FAILED" | "QUOTA_REACHED" | "RATE_LIMITED" | "REGISTRATION_CLOSED" | "UNAUTHENTICATED" | "UNAVAILABLE" | "UNSUPPORTED_MEDIA_TYPE" | "VALIDATION" | "WEAK_PASSWORD" | "WRONG_CREDENTIALS";
        request_id?: string | undefined;
        errors?: FieldError[] | undefined;
        quota?: ReachedQuota | undefined;
    };
}
export type AppRouter = import("@trpc/server").TRPCBuiltRouter<{
    ctx: object;
    meta: object;
    errorShape: ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    auth: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** Register and sign in */
        register: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The name to sign in with. Logins that differ in case alone are the same. */
                login: string;
                /** A new password. It must not be easy to guess, and the server can ask for more characters. */
                password: string;
            };
            output: {
                /** Goes with each request, as `Authorization: Bearer <access_token>`. */
                access_token: string;
                /** What kind of token it is. */
                token_type: "Bearer";
                /** The id of the user who is signed in. */
                user_id: number;
                /** Seconds until the access token expires. */
                expires_in: number;
                /** Gives the next tokens at POST /users/refresh, once. */
                refresh_token: string;
                /** Seconds until the refresh token expires, unless it is used before. */
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Sign in */
        signIn: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The login. */
                username: string;
                /** The password as it is. */
                password: string;
            };
            output: {
                /** Goes with each request, as `Authorization: Bearer <access_token>`. */
                access_token: string;
                /** What kind of token it is. */
                token_type: "Bearer";
                /** The id of the user who is signed in. */
                user_id: number;
                /** Seconds until the access token expires. */
                expires_in: number;
                /** Gives the next tokens at POST /users/refresh, once. */
                refresh_token: string;
                /** Seconds until the refresh token expires, unless it is used before. */
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Exchange a refresh token for new tokens */
        refresh: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The last refresh token of the session. */
                refresh_token: string;
            };
            output: {
                /** Goes with each request, as `Authorization: Bearer <access_token>`. */
                access_token: string;
                /** What kind of token it is. */
                token_type: "Bearer";
                /** The id of the user who is signed in. */
                user_id: number;
                /** Seconds until the access token expires. */
                expires_in: number;
                /** Gives the next tokens at POST /users/refresh, once. */
                refresh_token: string;
                /** Seconds until the refresh token expires, unless it is used before. */
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** End the session of the token */
        signOut: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The last refresh token of the session. */
                refresh_token?: string | undefined;
            } | undefined;
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        sessions: import("@trpc/server").TRPCBuiltRouter<{
            ctx: object;
            meta: object;
            errorShape: ErrorShape;
            transformer: false;
        }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
            /** My open sessions, newest first */
            list: import("@trpc/server").TRPCQueryProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    /** The User-Agent that signed in. */
                    device: string;
                    /** When it signed in. */
                    created_at: string;
                    /** When it was used last, to five minutes. */
                    last_seen_at: string;
                    /** Whether it is the session of this call. */
                    current: boolean;
                }[];
                meta: object;
                errorShape: ErrorShape;
            }>;
            /** End one of my sessions */
            revoke: import("@trpc/server").TRPCMutationProcedure<{
                input: {
                    id: number;
                };
                output: {
                    /** What was done, in words. */
                    message: string;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
        }>>;
        exports: import("@trpc/server").TRPCBuiltRouter<{
            ctx: object;
            meta: object;
            errorShape: ErrorShape;
            transformer: false;
        }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
            /** Have everything that is kept of me written into a file */
            start: import("@trpc/server").TRPCMutationProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    /** How far it is. The file can be fetched of one that is done. */
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    /** How much of it is written. */
                    percent: number;
                    /** Rows that are written. */
                    rows_done: number;
                    /** Rows as they were counted when it began. More can have come since. */
                    rows_total: number;
                    /** Bytes that are written: of one that is done the size of the file. */
                    bytes: number;
                    /** When it was asked for. */
                    created_at: string;
                    /** When it ended. Null as long as it has not. */
                    finished_at: string | null;
                    /** Until then the file can be fetched. Null as long as there is none. */
                    expires_at: string | null;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
            /** My exports, newest first */
            list: import("@trpc/server").TRPCQueryProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    /** How far it is. The file can be fetched of one that is done. */
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    /** How much of it is written. */
                    percent: number;
                    /** Rows that are written. */
                    rows_done: number;
                    /** Rows as they were counted when it began. More can have come since. */
                    rows_total: number;
                    /** Bytes that are written: of one that is done the size of the file. */
                    bytes: number;
                    /** When it was asked for. */
                    created_at: string;
                    /** When it ended. Null as long as it has not. */
                    finished_at: string | null;
                    /** Until then the file can be fetched. Null as long as there is none. */
                    expires_at: string | null;
                }[];
                meta: object;
                errorShape: ErrorShape;
            }>;
            /** How far an export of mine is */
            byId: import("@trpc/server").TRPCQueryProcedure<{
                input: {
                    id: number;
                };
                output: {
                    id: number;
                    /** How far it is. The file can be fetched of one that is done. */
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    /** How much of it is written. */
                    percent: number;
                    /** Rows that are written. */
                    rows_done: number;
                    /** Rows as they were counted when it began. More can have come since. */
                    rows_total: number;
                    /** Bytes that are written: of one that is done the size of the file. */
                    bytes: number;
                    /** When it was asked for. */
                    created_at: string;
                    /** When it ended. Null as long as it has not. */
                    finished_at: string | null;
                    /** Until then the file can be fetched. Null as long as there is none. */
                    expires_at: string | null;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
            /** The file of an export of mine, while it is kept */
            file: import("@trpc/server").TRPCQueryProcedure<{
                input: {
                    id: number;
                };
                output: {
                    id: number;
                    /** What to call it where it is saved. */
                    name: string;
                    /** Its media type. */
                    type: "application/json";
                    /** Its size in bytes. */
                    bytes: number;
                    /** Where it is on this server, to be fetched with GET and the same token. */
                    path: string;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
        }>>;
        /** Change my password, which ends my other sessions */
        changePassword: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The password as it is. */
                current_password: string;
                /** A new password. It must not be easy to guess, and the server can ask for more characters. */
                new_password: string;
            };
            output: {
                /** Goes with each request, as `Authorization: Bearer <access_token>`. */
                access_token: string;
                /** What kind of token it is. */
                token_type: "Bearer";
                /** The id of the user who is signed in. */
                user_id: number;
                /** Seconds until the access token expires. */
                expires_in: number;
                /** Gives the next tokens at POST /users/refresh, once. */
                refresh_token: string;
                /** Seconds until the refresh token expires, unless it is used before. */
                refresh_expires_in: number;
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Set a new password with a code from an operator */
        resetPassword: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The login. */
                login: string;
                /** The code that an operator has given. Case, spaces and hyphens do not matter. */
                code: string;
                /** A new password. It must not be easy to guess, and the server can ask for more characters. */
                new_password: string;
            };
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Everything that is kept of me */
        export: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                /** The account itself. */
                user: {
                    id: number;
                    /** The name that the user signs in with. */
                    login: string;
                    /** When the user registered: ISO 8601 with an offset. */
                    created_at: string;
                };
                /** The sessions that are open. */
                sessions: {
                    [x: string]: unknown;
                    id: number;
                }[];
                /** The physical plans with their workouts. */
                physical_plans: {
                    [x: string]: unknown;
                    id: number;
                }[];
                /** The mental plans with the progress in their resources. */
                mental_plans: {
                    [x: string]: unknown;
                    id: number;
                }[];
                /** The books, courses and videos. */
                resources: {
                    [x: string]: unknown;
                    id: number;
                }[];
                /** The things to do. */
                tasks: {
                    [x: string]: unknown;
                    id: number;
                }[];
                /** What happened to the rows above, for a week. */
                events: {
                    [x: string]: unknown;
                    /** The id of the event. */
                    seq: number;
                }[];
                /** Who signed in, from where, and what else was done to the account. */
                audit_trail: {
                    [x: string]: unknown;
                    /** The id of the line. */
                    id: number;
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Who I am */
        me: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                id: number;
                /** The name that the user signs in with. */
                login: string;
                /** When the user registered. */
                created_at: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Remove my account and everything in it */
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** The password as it is. */
                password: string;
            };
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    physicalPlan: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** Make a plan of seven days, which becomes the current one */
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** What the plan is for. */
                goal: string;
                /** Years. */
                age: number;
                /** Whom the plan is for. */
                gender: "female" | "male";
                /** Kilograms. */
                weight: number;
                /** Centimetres. */
                height: number;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** It is ignored: the server computes it. */
                bmi?: unknown;
            };
            output: {
                /** A week of workouts for somebody of this age, weight and height. */
                data: {
                    /** Years. */
                    age: number;
                    /** Whom the plan is for. */
                    gender: "female" | "male";
                    /** Kilograms. */
                    weight: number;
                    /** Centimetres. */
                    height: number;
                    id: number;
                    /** The id of the user whose it is. */
                    user_id: number;
                    /** What the plan is for. */
                    goal: string;
                    /** Body mass index: kg/m², rounded to 2 decimals. */
                    bmi: number;
                    /** How far the user is, as the user counts it. A new plan has 0. */
                    progress: number;
                    /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                    day: number;
                    /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                    version: number;
                };
                /** The id of the user whose it is. */
                user_id: number;
                /** Seven, in their order. */
                days: {
                    /** The id of the workout of this day. */
                    workout_id: number;
                    /** 1 to 7. */
                    day_of_week: number;
                    /** In the order in which they are done. */
                    exercises: {
                        id: number;
                        /** What it is called, in Russian. */
                        name: string;
                        /** What it trains and how it is done, in Russian. */
                        description: string;
                        /** Kilocalories. */
                        calories_burned: number;
                        /** Repetitions to begin with. */
                        start_reps: number;
                        /** Repetitions to arrive at. */
                        end_reps: number;
                        /** Repetitions to add from one time to the next. */
                        step: number;
                    }[];
                }[];
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Change a plan */
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** What the plan is for. */
                goal?: string | undefined;
                /** Years. */
                age?: number | undefined;
                /** Whom the plan is for. */
                gender?: "female" | "male" | undefined;
                /** Kilograms. */
                weight?: number | undefined;
                /** Centimetres. */
                height?: number | undefined;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** Only if the version is still this one. */
                if_match?: number | undefined;
                /** How far the user is, as the user counts it. */
                progress?: number | undefined;
                /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                day?: number | undefined;
                /** It is ignored: the server computes it. */
                bmi?: unknown;
            };
            output: {
                /** What was done, in words. */
                message: string;
                /** A week of workouts for somebody of this age, weight and height. */
                resource: {
                    /** Years. */
                    age: number;
                    /** Whom the plan is for. */
                    gender: "female" | "male";
                    /** Kilograms. */
                    weight: number;
                    /** Centimetres. */
                    height: number;
                    id: number;
                    /** The id of the user whose it is. */
                    user_id: number;
                    /** What the plan is for. */
                    goal: string;
                    /** Body mass index: kg/m², rounded to 2 decimals. */
                    bmi: number;
                    /** How far the user is, as the user counts it. A new plan has 0. */
                    progress: number;
                    /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                    day: number;
                    /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                    version: number;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Remove a plan with its workouts */
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** Only if the version is still this one. */
                if_match?: number | undefined;
            };
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My current plan with its days */
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                /** A week of workouts for somebody of this age, weight and height. */
                data: {
                    /** Years. */
                    age: number;
                    /** Whom the plan is for. */
                    gender: "female" | "male";
                    /** Kilograms. */
                    weight: number;
                    /** Centimetres. */
                    height: number;
                    id: number;
                    /** The id of the user whose it is. */
                    user_id: number;
                    /** What the plan is for. */
                    goal: string;
                    /** Body mass index: kg/m², rounded to 2 decimals. */
                    bmi: number;
                    /** How far the user is, as the user counts it. A new plan has 0. */
                    progress: number;
                    /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                    day: number;
                    /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                    version: number;
                };
                /** The id of the user whose it is. */
                user_id: number;
                /** Seven, in their order. */
                days: {
                    /** The id of the workout of this day. */
                    workout_id: number;
                    /** 1 to 7. */
                    day_of_week: number;
                    /** In the order in which they are done. */
                    exercises: {
                        id: number;
                        /** What it is called, in Russian. */
                        name: string;
                        /** What it trains and how it is done, in Russian. */
                        description: string;
                        /** Kilocalories. */
                        calories_burned: number;
                        /** Repetitions to begin with. */
                        start_reps: number;
                        /** Repetitions to arrive at. */
                        end_reps: number;
                        /** Repetitions to add from one time to the next. */
                        step: number;
                    }[];
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My plans, newest first */
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                /** How many rows the answer has at most. Where texts are long it has fewer: only an empty page is the end. (default: 100) */
                limit?: number | undefined;
                /** Only rows that are older than this one: the last id of the page before. Left out for the first page. */
                before_id?: number | undefined;
            };
            output: {
                /** Years. */
                age: number;
                /** Whom the plan is for. */
                gender: "female" | "male";
                /** Kilograms. */
                weight: number;
                /** Centimetres. */
                height: number;
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What the plan is for. */
                goal: string;
                /** Body mass index: kg/m², rounded to 2 decimals. */
                bmi: number;
                /** How far the user is, as the user counts it. A new plan has 0. */
                progress: number;
                /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                day: number;
                /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                version: number;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** The catalogue of exercises */
        exercises: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                id: number;
                /** What it is called, in Russian. */
                name: string;
                /** What it trains and how it is done, in Russian. */
                description: string;
                /** Kilocalories. */
                calories_burned: number;
                /** Repetitions to begin with. */
                start_reps: number;
                /** Repetitions to arrive at. */
                end_reps: number;
                /** Repetitions to add from one time to the next. */
                step: number;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    mentalPlan: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** Make a plan of my resources, which becomes the current one */
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** What the plan is called. */
                name: string;
                /** What the plan is for. */
                goal: string;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** The ids of my resources that belong to the plan. Repeats count once. */
                resource_list: number[];
                /** Days that are left. (default: 30) */
                progress?: number | undefined;
            };
            output: {
                /** What was done, in words. */
                message: string;
                /** The id of the plan. */
                mental_plan_id: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Change a plan or replace its list of resources */
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** What the plan is called. */
                name?: string | undefined;
                /** What the plan is for. */
                goal?: string | undefined;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** Only if the version is still this one. */
                if_match?: number | undefined;
                /** Days that are left. */
                progress?: number | undefined;
                /** The ids of my resources that belong to the plan. Repeats count once. */
                resource_list?: number[] | undefined;
            };
            output: {
                /** What was done, in words. */
                message: string;
                /** Books, courses and videos to finish in so many days. */
                resource: {
                    id: number;
                    /** The id of the user whose it is. */
                    user_id: number;
                    /** What the plan is called. */
                    name: string;
                    /** What the plan is for. */
                    goal: string;
                    /** Days that are left. */
                    progress: number;
                    /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                    version: number;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Remove a plan; its resources stay mine */
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** Only if the version is still this one. */
                if_match?: number | undefined;
            };
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My current plan with its resources */
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                /** Books, courses and videos to finish in so many days. */
                data: {
                    id: number;
                    /** The id of the user whose it is. */
                    user_id: number;
                    /** What the plan is called. */
                    name: string;
                    /** What the plan is for. */
                    goal: string;
                    /** Days that are left. */
                    progress: number;
                    /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                    version: number;
                };
                /** The id of the user whose it is. */
                user_id: number;
                /** By id. */
                resources: {
                    /** A book, a course or a video. */
                    resource: {
                        id: number;
                        /** What a resource is. */
                        type: "book" | "course" | "video";
                        /** The title. */
                        name: string;
                        /** Anything else about it. It may be empty. */
                        description: string;
                        /** Pages of a book, lessons of a course, or minutes of a video. */
                        volume: number;
                    };
                    /** How much of the volume is done. */
                    progress: number;
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My plans, newest first */
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                /** How many rows the answer has at most. Where texts are long it has fewer: only an empty page is the end. (default: 100) */
                limit?: number | undefined;
                /** Only rows that are older than this one: the last id of the page before. Left out for the first page. */
                before_id?: number | undefined;
            };
            output: {
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What the plan is called. */
                name: string;
                /** What the plan is for. */
                goal: string;
                /** Days that are left. */
                progress: number;
                /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                version: number;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    resource: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** Add a resource to my current mental plan */
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** What a resource is. */
                type: "book" | "course" | "video";
                /** The title. */
                name: string;
                /** Anything else about it. It may be empty. */
                description: string;
                /** Pages of a book, lessons of a course, or minutes of a video. */
                volume: number;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
            };
            output: {
                /** The id of the resource. */
                data: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Add resources, all or none */
        createMany: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** All of them are added, or none. */
                resources: {
                    /** What a resource is. */
                    type: "book" | "course" | "video";
                    /** The title. */
                    name: string;
                    /** Anything else about it. It may be empty. */
                    description: string;
                    /** Pages of a book, lessons of a course, or minutes of a video. */
                    volume: number;
                }[];
            };
            output: number[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Change a resource, or my progress in it */
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** What a resource is. */
                type?: "book" | "course" | "video" | undefined;
                /** The title. */
                name?: string | undefined;
                /** Anything else about it. It may be empty. */
                description?: string | undefined;
                /** Pages of a book, lessons of a course, or minutes of a video. */
                volume?: number | undefined;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** How much of the volume is done, in the current mental plan. At most the volume. */
                progress?: number | undefined;
            };
            output: {
                /** What was done, in words. */
                message: string;
                /** A book, a course or a video. */
                resource: {
                    id: number;
                    /** What a resource is. */
                    type: "book" | "course" | "video";
                    /** The title. */
                    name: string;
                    /** Anything else about it. It may be empty. */
                    description: string;
                    /** Pages of a book, lessons of a course, or minutes of a video. */
                    volume: number;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Remove a resource, from my plans too */
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
            };
            output: {
                /** What was done, in words. */
                detail: string;
                id: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My resources, newest first */
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                /** How many rows the answer has at most. Where texts are long it has fewer: only an empty page is the end. (default: 100) */
                limit?: number | undefined;
                /** Only rows that are older than this one: the last id of the page before. Left out for the first page. */
                before_id?: number | undefined;
            };
            output: {
                id: number;
                /** What a resource is. */
                type: "book" | "course" | "video";
                /** The title. */
                name: string;
                /** Anything else about it. It may be empty. */
                description: string;
                /** Pages of a book, lessons of a course, or minutes of a video. */
                volume: number;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    task: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** My tasks, newest first */
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                /** How many rows the answer has at most. Where texts are long it has fewer: only an empty page is the end. (default: 100) */
                limit?: number | undefined;
                /** Only rows that are older than this one: the last id of the page before. Left out for the first page. */
                before_id?: number | undefined;
                /** Only tasks that are done, or only those that are not. */
                status?: boolean | undefined;
            };
            output: {
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What is to be done. */
                title: string;
                /** Whether it is done. */
                status: boolean;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** My newest 1000 tasks, oldest first */
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What is to be done. */
                title: string;
                /** Whether it is done. */
                status: boolean;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Add a task */
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** What is to be done. */
                title: string;
                /** Whether it is done. (default: false) */
                status?: boolean | undefined;
            };
            output: {
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What is to be done. */
                title: string;
                /** Whether it is done. */
                status: boolean;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Change a task */
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                /** The id of the caller. It may be left out. */
                user_id?: number | undefined;
                /** What is to be done. */
                title?: string | undefined;
                /** Whether it is done. */
                status?: boolean | undefined;
            };
            output: {
                id: number;
                /** The id of the user whose it is. */
                user_id: number;
                /** What is to be done. */
                title: string;
                /** Whether it is done. */
                status: boolean;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        /** Remove a task */
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
            };
            output: {
                /** What was done, in words. */
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    events: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** What happens to my tasks, plans and resources, as it happens */
        stream: import("@trpc/server").TRPCSubscriptionProcedure<{
            input: {
                lastEventId?: string | undefined;
            } | undefined;
            output: AsyncIterable<{
                id: string;
                /** What a stream brings, told apart by `type`. */
                data: {
                    /** Whatever is committed from now on will be heard. */
                    type: "ready";
                } | {
                    /** Something was missed that can not be told any more: read everything anew. */
                    type: "resync";
                } | {
                    /** The last event of the stream, and why. */
                    type: "end";
                    /** Why a stream ends. */
                    reason: "server_closing" | "session_ended" | "token_expired" | "user_removed";
                } | {
                    /** A task was made. */
                    type: "task.created";
                    /** A thing to do. */
                    data: {
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What is to be done. */
                        title: string;
                        /** Whether it is done. */
                        status: boolean;
                    };
                } | {
                    /** A task was changed. */
                    type: "task.changed";
                    /** A thing to do. */
                    data: {
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What is to be done. */
                        title: string;
                        /** Whether it is done. */
                        status: boolean;
                    };
                } | {
                    /** A task was removed. */
                    type: "task.removed";
                    /** What is not there any more. */
                    data: {
                        id: number;
                    };
                } | {
                    /** A physical plan was made, and is the current one. */
                    type: "physicalPlan.created";
                    /** A week of workouts for somebody of this age, weight and height. */
                    data: {
                        /** Years. */
                        age: number;
                        /** Whom the plan is for. */
                        gender: "female" | "male";
                        /** Kilograms. */
                        weight: number;
                        /** Centimetres. */
                        height: number;
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What the plan is for. */
                        goal: string;
                        /** Body mass index: kg/m², rounded to 2 decimals. */
                        bmi: number;
                        /** How far the user is, as the user counts it. A new plan has 0. */
                        progress: number;
                        /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                        day: number;
                        /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                        version: number;
                    };
                } | {
                    /** A physical plan was changed. */
                    type: "physicalPlan.changed";
                    /** A week of workouts for somebody of this age, weight and height. */
                    data: {
                        /** Years. */
                        age: number;
                        /** Whom the plan is for. */
                        gender: "female" | "male";
                        /** Kilograms. */
                        weight: number;
                        /** Centimetres. */
                        height: number;
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What the plan is for. */
                        goal: string;
                        /** Body mass index: kg/m², rounded to 2 decimals. */
                        bmi: number;
                        /** How far the user is, as the user counts it. A new plan has 0. */
                        progress: number;
                        /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                        day: number;
                        /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                        version: number;
                    };
                } | {
                    /** A physical plan was removed. */
                    type: "physicalPlan.removed";
                    /** What is not there any more. */
                    data: {
                        id: number;
                    };
                } | {
                    /** A mental plan was made, and is the current one. */
                    type: "mentalPlan.created";
                    /** A mental plan as it is now. */
                    data: {
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What the plan is called. */
                        name: string;
                        /** What the plan is for. */
                        goal: string;
                        /** Days that are left. */
                        progress: number;
                        /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                        version: number;
                        /** Its resources from now on. Null where they stayed. */
                        resource_list: number[] | null;
                    };
                } | {
                    /** A mental plan was changed. */
                    type: "mentalPlan.changed";
                    /** A mental plan as it is now. */
                    data: {
                        id: number;
                        /** The id of the user whose it is. */
                        user_id: number;
                        /** What the plan is called. */
                        name: string;
                        /** What the plan is for. */
                        goal: string;
                        /** Days that are left. */
                        progress: number;
                        /** It grows by 1 with each change. As an ETag it is what If-Match compares. */
                        version: number;
                        /** Its resources from now on. Null where they stayed. */
                        resource_list: number[] | null;
                    };
                } | {
                    /** A mental plan was removed. */
                    type: "mentalPlan.removed";
                    /** What is not there any more. */
                    data: {
                        id: number;
                    };
                } | {
                    /** A resource was added. */
                    type: "resource.created";
                    /** A resource as it is now. */
                    data: {
                        id: number;
                        /** What a resource is. */
                        type: "book" | "course" | "video";
                        /** The title. */
                        name: string;
                        /** Anything else about it. It may be empty. */
                        description: string;
                        /** Pages of a book, lessons of a course, or minutes of a video. */
                        volume: number;
                        /** How much of it is done, in those of my mental plans where that was written. */
                        links: {
                            /** The id of the mental plan. */
                            mental_plan_id: number;
                            /** How much of the volume is done in it. */
                            progress: number;
                        }[];
                    };
                } | {
                    /** A resource was changed, or the progress in it. */
                    type: "resource.changed";
                    /** A resource as it is now. */
                    data: {
                        id: number;
                        /** What a resource is. */
                        type: "book" | "course" | "video";
                        /** The title. */
                        name: string;
                        /** Anything else about it. It may be empty. */
                        description: string;
                        /** Pages of a book, lessons of a course, or minutes of a video. */
                        volume: number;
                        /** How much of it is done, in those of my mental plans where that was written. */
                        links: {
                            /** The id of the mental plan. */
                            mental_plan_id: number;
                            /** How much of the volume is done in it. */
                            progress: number;
                        }[];
                    };
                } | {
                    /** A resource was removed, from the plans too. */
                    type: "resource.removed";
                    /** What is not there any more. */
                    data: {
                        id: number;
                    };
                } | {
                    /** An export was asked for. */
                    type: "export.created";
                    /** A file with everything that is kept of me, and how far it is. */
                    data: {
                        id: number;
                        /** How far it is. The file can be fetched of one that is done. */
                        state: "done" | "expired" | "failed" | "queued" | "running";
                        /** How much of it is written. */
                        percent: number;
                        /** Rows that are written. */
                        rows_done: number;
                        /** Rows as they were counted when it began. More can have come since. */
                        rows_total: number;
                        /** Bytes that are written: of one that is done the size of the file. */
                        bytes: number;
                        /** When it was asked for. */
                        created_at: string;
                        /** When it ended. Null as long as it has not. */
                        finished_at: string | null;
                        /** Until then the file can be fetched. Null as long as there is none. */
                        expires_at: string | null;
                    };
                } | {
                    /** An export has begun, has another tenth of it, or has ended. */
                    type: "export.changed";
                    /** A file with everything that is kept of me, and how far it is. */
                    data: {
                        id: number;
                        /** How far it is. The file can be fetched of one that is done. */
                        state: "done" | "expired" | "failed" | "queued" | "running";
                        /** How much of it is written. */
                        percent: number;
                        /** Rows that are written. */
                        rows_done: number;
                        /** Rows as they were counted when it began. More can have come since. */
                        rows_total: number;
                        /** Bytes that are written: of one that is done the size of the file. */
                        bytes: number;
                        /** When it was asked for. */
                        created_at: string;
                        /** When it ended. Null as long as it has not. */
                        finished_at: string | null;
                        /** Until then the file can be fetched. Null as long as there is none. */
                        expires_at: string | null;
                    };
                } | {
                    /** A week has ended: how it went. */
                    type: "summary.created";
                    /** How a week went. */
                    data: {
                        /** The ISO 8601 week that has ended. */
                        week: string;
                        /** The tasks of the week. */
                        tasks: {
                            /** Those that were made. */
                            created: number;
                            /** Those that were done when they were made or changed. */
                            completed: number;
                            /** Of all that there are now. */
                            open: number;
                            /** Of all that there are now. */
                            done: number;
                        };
                        /** The current one, as it stands. Null when there is none. */
                        physical_plan: {
                            id: number;
                            /** The day of the week that the user is at: 1 to 7. A new plan has 1. */
                            day: number;
                            /** How far the user is, as the user counts it. A new plan has 0. */
                            progress: number;
                        } | null;
                        /** The current one, as it stands. Null when there is none. */
                        mental_plan: {
                            id: number;
                            /** Days that are left. */
                            days_left: number;
                            /** Its resources. */
                            resources: number;
                            /** Resources whose whole volume is done. */
                            finished: number;
                            /** Done, on the mean of its resources. 100 when it has none. */
                            percent: number;
                        } | null;
                    };
                };
            }, undefined, any>;
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
    health: import("@trpc/server").TRPCBuiltRouter<{
        ctx: object;
        meta: object;
        errorShape: ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        /** Whether the server and its database are well */
        check: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                /** Whether requests may be sent here. */
                status: "ok" | "unavailable";
                /** The time of the server. */
                timestamp: string;
                /** Whether the database answers. */
                database: "connected" | "disconnected";
                /** The version of the server. */
                version: string;
                /** What the server runs as. */
                environment: "development" | "production" | "test";
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
}>>;
export {};
