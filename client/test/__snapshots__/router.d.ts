// Made from the router of the server.
interface FieldError {
    path: string;
    message: string;
}
interface ErrorShape {
    code: import("@trpc/server").TRPC_ERROR_CODE_NUMBER;
    message: string;
    data: {
        code: "BAD_GATEWAY" | "BAD_REQUEST" | "CLIENT_CLOSED_REQUEST" | "CONFLICT" | "FORBIDDEN" | "GATEWAY_TIMEOUT" | "INTERNAL_SERVER_ERROR" | "METHOD_NOT_SUPPORTED" | "NOT_FOUND" | "NOT_IMPLEMENTED" | "PARSE_ERROR" | "PAYLOAD_TOO_LARGE" | "PAYMENT_REQUIRED" | "PRECONDITION_FAILED" | "PRECONDITION_REQUIRED" | "SERVICE_UNAVAILABLE" | "TIMEOUT" | "TOO_MANY_REQUESTS" | "UNAUTHORIZED" | "UNPROCESSABLE_CONTENT" | "UNSUPPORTED_MEDIA_TYPE";
        httpStatus: number;
        path?: string | undefined;
        reason: "BATCH_TOO_LARGE" | "EXPECTATION_FAILED" | "HEADERS_TOO_LARGE" | "IDEMPOTENCY_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" | "INTERNAL" | "LOGIN_TAKEN" | "METHOD_NOT_ALLOWED" | "NOT_FOUND" | "PAYLOAD_TOO_LARGE" | "PRECONDITION_FAILED" | "RATE_LIMITED" | "UNAUTHENTICATED" | "UNAVAILABLE" | "UNSUPPORTED_MEDIA_TYPE" | "VALIDATION" | "WEAK_PASSWORD" | "WRONG_CREDENTIALS";
        request_id?: string | undefined;
        errors?: FieldError[] | undefined;
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
        register: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                login: string;
                password: string;
            };
            output: {
                access_token: string;
                token_type: "Bearer";
                user_id: number;
                expires_in: number;
                refresh_token: string;
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        signIn: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                username: string;
                password: string;
            };
            output: {
                access_token: string;
                token_type: "Bearer";
                user_id: number;
                expires_in: number;
                refresh_token: string;
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        refresh: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                refresh_token: string;
            };
            output: {
                access_token: string;
                token_type: "Bearer";
                user_id: number;
                expires_in: number;
                refresh_token: string;
                refresh_expires_in: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        signOut: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                refresh_token?: string | undefined;
            } | undefined;
            output: {
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
            list: import("@trpc/server").TRPCQueryProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    device: string;
                    created_at: string;
                    last_seen_at: string;
                    current: boolean;
                }[];
                meta: object;
                errorShape: ErrorShape;
            }>;
            revoke: import("@trpc/server").TRPCMutationProcedure<{
                input: {
                    id: number;
                };
                output: {
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
            start: import("@trpc/server").TRPCMutationProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    percent: number;
                    rows_done: number;
                    rows_total: number;
                    bytes: number;
                    created_at: string;
                    finished_at: string | null;
                    expires_at: string | null;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
            list: import("@trpc/server").TRPCQueryProcedure<{
                input: Record<string, never> | undefined;
                output: {
                    id: number;
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    percent: number;
                    rows_done: number;
                    rows_total: number;
                    bytes: number;
                    created_at: string;
                    finished_at: string | null;
                    expires_at: string | null;
                }[];
                meta: object;
                errorShape: ErrorShape;
            }>;
            byId: import("@trpc/server").TRPCQueryProcedure<{
                input: {
                    id: number;
                };
                output: {
                    id: number;
                    state: "done" | "expired" | "failed" | "queued" | "running";
                    percent: number;
                    rows_done: number;
                    rows_total: number;
                    bytes: number;
                    created_at: string;
                    finished_at: string | null;
                    expires_at: string | null;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
            file: import("@trpc/server").TRPCQueryProcedure<{
                input: {
                    id: number;
                };
                output: {
                    id: number;
                    name: string;
                    type: "application/json";
                    bytes: number;
                    path: string;
                };
                meta: object;
                errorShape: ErrorShape;
            }>;
        }>>;
        changePassword: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                current_password: string;
                new_password: string;
            };
            output: {
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        export: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                user: {
                    id: number;
                    login: string;
                    created_at: string;
                };
                sessions: {
                    [x: string]: unknown;
                    id: number;
                }[];
                physical_plans: {
                    [x: string]: unknown;
                    id: number;
                }[];
                mental_plans: {
                    [x: string]: unknown;
                    id: number;
                }[];
                resources: {
                    [x: string]: unknown;
                    id: number;
                }[];
                tasks: {
                    [x: string]: unknown;
                    id: number;
                }[];
                events: {
                    [x: string]: unknown;
                    seq: number;
                }[];
                audit_trail: {
                    [x: string]: unknown;
                    id: number;
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        me: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                id: number;
                login: string;
                created_at: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                password: string;
            };
            output: {
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
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                goal: string;
                age: number;
                gender: "female" | "male";
                weight: number;
                height: number;
                user_id?: number | undefined;
                bmi?: unknown;
            };
            output: {
                data: {
                    age: number;
                    gender: "female" | "male";
                    weight: number;
                    height: number;
                    id: number;
                    user_id: number;
                    goal: string;
                    bmi: number;
                    progress: number;
                    day: number;
                    version: number;
                };
                user_id: number;
                days: {
                    workout_id: number;
                    day_of_week: number;
                    exercises: {
                        id: number;
                        name: string;
                        description: string;
                        calories_burned: number;
                        start_reps: number;
                        end_reps: number;
                        step: number;
                    }[];
                }[];
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                goal?: string | undefined;
                age?: number | undefined;
                gender?: "female" | "male" | undefined;
                weight?: number | undefined;
                height?: number | undefined;
                user_id?: number | undefined;
                if_match?: number | undefined;
                progress?: number | undefined;
                day?: number | undefined;
                bmi?: unknown;
            };
            output: {
                message: string;
                resource: {
                    age: number;
                    gender: "female" | "male";
                    weight: number;
                    height: number;
                    id: number;
                    user_id: number;
                    goal: string;
                    bmi: number;
                    progress: number;
                    day: number;
                    version: number;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                if_match?: number | undefined;
            };
            output: {
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                data: {
                    age: number;
                    gender: "female" | "male";
                    weight: number;
                    height: number;
                    id: number;
                    user_id: number;
                    goal: string;
                    bmi: number;
                    progress: number;
                    day: number;
                    version: number;
                };
                user_id: number;
                days: {
                    workout_id: number;
                    day_of_week: number;
                    exercises: {
                        id: number;
                        name: string;
                        description: string;
                        calories_burned: number;
                        start_reps: number;
                        end_reps: number;
                        step: number;
                    }[];
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                limit?: number | undefined;
                before_id?: number | undefined;
            };
            output: {
                age: number;
                gender: "female" | "male";
                weight: number;
                height: number;
                id: number;
                user_id: number;
                goal: string;
                bmi: number;
                progress: number;
                day: number;
                version: number;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        exercises: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                id: number;
                name: string;
                description: string;
                calories_burned: number;
                start_reps: number;
                end_reps: number;
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
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                name: string;
                goal: string;
                user_id?: number | undefined;
                resource_list: number[];
                progress?: number | undefined;
            };
            output: {
                message: string;
                mental_plan_id: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                name?: string | undefined;
                goal?: string | undefined;
                user_id?: number | undefined;
                if_match?: number | undefined;
                progress?: number | undefined;
                resource_list?: number[] | undefined;
            };
            output: {
                message: string;
                resource: {
                    id: number;
                    user_id: number;
                    name: string;
                    goal: string;
                    progress: number;
                    version: number;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                if_match?: number | undefined;
            };
            output: {
                message: string;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                data: {
                    id: number;
                    user_id: number;
                    name: string;
                    goal: string;
                    progress: number;
                    version: number;
                };
                user_id: number;
                resources: {
                    resource: {
                        id: number;
                        type: "book" | "course" | "video";
                        name: string;
                        description: string;
                        volume: number;
                    };
                    progress: number;
                }[];
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                limit?: number | undefined;
                before_id?: number | undefined;
            };
            output: {
                id: number;
                user_id: number;
                name: string;
                goal: string;
                progress: number;
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
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                type: "book" | "course" | "video";
                name: string;
                description: string;
                volume: number;
                user_id?: number | undefined;
            };
            output: {
                data: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        createMany: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                resources: {
                    type: "book" | "course" | "video";
                    name: string;
                    description: string;
                    volume: number;
                }[];
            };
            output: number[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                type?: "book" | "course" | "video" | undefined;
                name?: string | undefined;
                description?: string | undefined;
                volume?: number | undefined;
                user_id?: number | undefined;
                progress?: number | undefined;
            };
            output: {
                message: string;
                resource: {
                    type: "book" | "course" | "video";
                    volume: number;
                    id: number;
                    name: string;
                    description: string;
                };
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
            };
            output: {
                detail: string;
                id: number;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                limit?: number | undefined;
                before_id?: number | undefined;
            };
            output: {
                type: "book" | "course" | "video";
                volume: number;
                id: number;
                name: string;
                description: string;
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
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                limit?: number | undefined;
                before_id?: number | undefined;
                status?: boolean | undefined;
            };
            output: {
                id: number;
                user_id: number;
                title: string;
                status: boolean;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        byUser: import("@trpc/server").TRPCQueryProcedure<{
            input: {
                id: number;
            };
            output: {
                id: number;
                user_id: number;
                title: string;
                status: boolean;
            }[];
            meta: object;
            errorShape: ErrorShape;
        }>;
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                user_id?: number | undefined;
                title: string;
                status?: boolean | undefined;
            };
            output: {
                id: number;
                user_id: number;
                title: string;
                status: boolean;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
                user_id?: number | undefined;
                title?: string | undefined;
                status?: boolean | undefined;
            };
            output: {
                id: number;
                user_id: number;
                title: string;
                status: boolean;
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
        remove: import("@trpc/server").TRPCMutationProcedure<{
            input: {
                id: number;
            };
            output: {
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
        stream: import("@trpc/server").TRPCSubscriptionProcedure<{
            input: {
                lastEventId?: string | undefined;
            } | undefined;
            output: AsyncIterable<{
                id: string;
                data: {
                    type: "ready";
                } | {
                    type: "resync";
                } | {
                    type: "end";
                    reason: "server_closing" | "session_ended" | "token_expired" | "user_removed";
                } | {
                    type: "task.created";
                    data: {
                        id: number;
                        user_id: number;
                        title: string;
                        status: boolean;
                    };
                } | {
                    type: "task.changed";
                    data: {
                        id: number;
                        user_id: number;
                        title: string;
                        status: boolean;
                    };
                } | {
                    type: "task.removed";
                    data: {
                        id: number;
                    };
                } | {
                    type: "physicalPlan.created";
                    data: {
                        age: number;
                        gender: "female" | "male";
                        weight: number;
                        height: number;
                        id: number;
                        user_id: number;
                        goal: string;
                        bmi: number;
                        progress: number;
                        day: number;
                        version: number;
                    };
                } | {
                    type: "physicalPlan.changed";
                    data: {
                        age: number;
                        gender: "female" | "male";
                        weight: number;
                        height: number;
                        id: number;
                        user_id: number;
                        goal: string;
                        bmi: number;
                        progress: number;
                        day: number;
                        version: number;
                    };
                } | {
                    type: "physicalPlan.removed";
                    data: {
                        id: number;
                    };
                } | {
                    type: "mentalPlan.created";
                    data: {
                        id: number;
                        user_id: number;
                        name: string;
                        goal: string;
                        progress: number;
                        version: number;
                        resource_list: number[] | null;
                    };
                } | {
                    type: "mentalPlan.changed";
                    data: {
                        id: number;
                        user_id: number;
                        name: string;
                        goal: string;
                        progress: number;
                        version: number;
                        resource_list: number[] | null;
                    };
                } | {
                    type: "mentalPlan.removed";
                    data: {
                        id: number;
                    };
                } | {
                    type: "resource.created";
                    data: {
                        type: "book" | "course" | "video";
                        volume: number;
                        id: number;
                        name: string;
                        description: string;
                        links: {
                            mental_plan_id: number;
                            progress: number;
                        }[];
                    };
                } | {
                    type: "resource.changed";
                    data: {
                        type: "book" | "course" | "video";
                        volume: number;
                        id: number;
                        name: string;
                        description: string;
                        links: {
                            mental_plan_id: number;
                            progress: number;
                        }[];
                    };
                } | {
                    type: "resource.removed";
                    data: {
                        id: number;
                    };
                } | {
                    type: "export.created";
                    data: {
                        id: number;
                        state: "done" | "expired" | "failed" | "queued" | "running";
                        percent: number;
                        rows_done: number;
                        rows_total: number;
                        bytes: number;
                        created_at: string;
                        finished_at: string | null;
                        expires_at: string | null;
                    };
                } | {
                    type: "export.changed";
                    data: {
                        id: number;
                        state: "done" | "expired" | "failed" | "queued" | "running";
                        percent: number;
                        rows_done: number;
                        rows_total: number;
                        bytes: number;
                        created_at: string;
                        finished_at: string | null;
                        expires_at: string | null;
                    };
                } | {
                    type: "summary.created";
                    data: {
                        week: string;
                        tasks: {
                            created: number;
                            completed: number;
                            open: number;
                            done: number;
                        };
                        physical_plan: {
                            id: number;
                            day: number;
                            progress: number;
                        } | null;
                        mental_plan: {
                            id: number;
                            days_left: number;
                            resources: number;
                            finished: number;
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
        check: import("@trpc/server").TRPCQueryProcedure<{
            input: Record<string, never> | undefined;
            output: {
                status: "ok" | "unavailable";
                timestamp: string;
                database: "connected" | "disconnected";
                version: string;
                environment: "development" | "production" | "test";
            };
            meta: object;
            errorShape: ErrorShape;
        }>;
    }>>;
}>>;
export {};
