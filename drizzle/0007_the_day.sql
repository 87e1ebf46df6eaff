CREATE TABLE "days" (
	"user_id" integer NOT NULL,
	"date" date NOT NULL,
	"state" text NOT NULL,
	"revision" integer DEFAULT 0 NOT NULL,
	"fact_seq" bigint,
	"plan_id" integer,
	"slot" smallint,
	"advanced" boolean DEFAULT false NOT NULL,
	"counted_down" boolean DEFAULT false NOT NULL,
	"workout" boolean DEFAULT false NOT NULL,
	"met" smallint DEFAULT 0 NOT NULL,
	"exercises" smallint DEFAULT 0 NOT NULL,
	"reps" integer DEFAULT 0 NOT NULL,
	"hold_s" integer DEFAULT 0 NOT NULL,
	"active_s" integer DEFAULT 0 NOT NULL,
	"kcal_per_kg" double precision DEFAULT 0 NOT NULL,
	"pages" double precision DEFAULT 0 NOT NULL,
	"chapters" double precision DEFAULT 0 NOT NULL,
	"lessons" double precision DEFAULT 0 NOT NULL,
	"minutes" double precision DEFAULT 0 NOT NULL,
	"study_minutes" integer DEFAULT 0 NOT NULL,
	"tasks" smallint DEFAULT 0 NOT NULL,
	"run" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "days_user_id_date_pk" PRIMARY KEY("user_id","date"),
	CONSTRAINT "days_state" CHECK ("days"."state" in ('open', 'done', 'skipped', 'reported'))
);
--> statement-breakpoint
CREATE TABLE "facts" (
	"user_id" integer NOT NULL,
	"seq" bigint NOT NULL,
	"kind" text NOT NULL,
	"date" date NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"zone" text NOT NULL,
	"v" smallint DEFAULT 1 NOT NULL,
	"data" jsonb NOT NULL,
	CONSTRAINT "facts_user_id_seq_pk" PRIMARY KEY("user_id","seq")
);
--> statement-breakpoint
CREATE TABLE "months" (
	"user_id" integer NOT NULL,
	"month" date NOT NULL,
	"done" smallint DEFAULT 0 NOT NULL,
	"skipped" smallint DEFAULT 0 NOT NULL,
	"workouts" smallint DEFAULT 0 NOT NULL,
	"met" smallint DEFAULT 0 NOT NULL,
	"exercises" smallint DEFAULT 0 NOT NULL,
	"reps" integer DEFAULT 0 NOT NULL,
	"hold_s" integer DEFAULT 0 NOT NULL,
	"active_s" integer DEFAULT 0 NOT NULL,
	"kcal_per_kg" double precision DEFAULT 0 NOT NULL,
	"pages" double precision DEFAULT 0 NOT NULL,
	"chapters" double precision DEFAULT 0 NOT NULL,
	"lessons" double precision DEFAULT 0 NOT NULL,
	"minutes" double precision DEFAULT 0 NOT NULL,
	"study_minutes" integer DEFAULT 0 NOT NULL,
	"tasks" smallint DEFAULT 0 NOT NULL,
	CONSTRAINT "months_user_id_month_pk" PRIMARY KEY("user_id","month")
);
--> statement-breakpoint
CREATE TABLE "progressions" (
	"user_id" integer NOT NULL,
	"plan_id" integer NOT NULL,
	"exercise_id" integer NOT NULL,
	"opening_k" smallint NOT NULL,
	"k" smallint NOT NULL,
	"misses" smallint DEFAULT 0 NOT NULL,
	"held" smallint DEFAULT 0 NOT NULL,
	"because" text DEFAULT 'opening' NOT NULL,
	"last_date" date,
	"since" date,
	"since_seq" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "progressions_user_id_plan_id_exercise_id_pk" PRIMARY KEY("user_id","plan_id","exercise_id"),
	CONSTRAINT "progressions_steps" CHECK ("progressions"."k" >= 0 and "progressions"."opening_k" >= 0)
);
--> statement-breakpoint
CREATE TABLE "schedules" (
	"user_id" integer NOT NULL,
	"from_date" date NOT NULL,
	"training" smallint NOT NULL,
	"study" smallint NOT NULL,
	CONSTRAINT "schedules_user_id_from_date_pk" PRIMARY KEY("user_id","from_date"),
	CONSTRAINT "schedules_days" CHECK ("schedules"."training" between 0 and 127 and "schedules"."study" between 0 and 127)
);
--> statement-breakpoint
CREATE TABLE "profiles" (
	"user_id" integer NOT NULL,
	"time_zone" text DEFAULT 'UTC' NOT NULL,
	"day_start" smallint DEFAULT 0 NOT NULL,
	"lang" text,
	"birth_date" date,
	"bmr_formula" text DEFAULT 'mifflin' NOT NULL,
	"activity" text,
	"nutrition" text DEFAULT 'full' NOT NULL,
	"study_days" smallint DEFAULT 127 NOT NULL,
	"daily_minutes" smallint,
	"minutes_per_page" double precision DEFAULT 2 NOT NULL,
	"minutes_per_chapter" double precision DEFAULT 20 NOT NULL,
	"minutes_per_lesson" double precision DEFAULT 30 NOT NULL,
	CONSTRAINT "profiles_user_id_pk" PRIMARY KEY("user_id"),
	CONSTRAINT "profiles_day_start" CHECK ("profiles"."day_start" between 0 and 12),
	CONSTRAINT "profiles_lang" CHECK ("profiles"."lang" in ('en', 'ru')),
	CONSTRAINT "profiles_bmr_formula" CHECK ("profiles"."bmr_formula" in ('mifflin', 'harris')),
	CONSTRAINT "profiles_activity" CHECK ("profiles"."activity" in ('sedentary', 'light', 'moderate', 'very', 'extra')),
	CONSTRAINT "profiles_nutrition" CHECK ("profiles"."nutrition" in ('full', 'no_deficit', 'off')),
	CONSTRAINT "profiles_study_days" CHECK ("profiles"."study_days" between 1 and 127),
	CONSTRAINT "profiles_daily_minutes" CHECK ("profiles"."daily_minutes" between 5 and 600),
	CONSTRAINT "profiles_minutes_per_page" CHECK ("profiles"."minutes_per_page" between 0.25 and 60),
	CONSTRAINT "profiles_minutes_per_chapter" CHECK ("profiles"."minutes_per_chapter" between 1 and 600),
	CONSTRAINT "profiles_minutes_per_lesson" CHECK ("profiles"."minutes_per_lesson" between 1 and 600)
);
--> statement-breakpoint
ALTER TABLE "mental_plans" ADD COLUMN "deadline" date;--> statement-breakpoint
ALTER TABLE "resources" ADD COLUMN "unit" text;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "key" text;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "unit" text DEFAULT 'reps' NOT NULL;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "unilateral" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "seconds_per_rep" double precision DEFAULT 3 NOT NULL;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "met" double precision;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "met_code" text;--> statement-breakpoint
ALTER TABLE "exercises" ADD COLUMN "met_year" smallint;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD COLUMN "aim" text;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD COLUMN "schedule" text DEFAULT 'sequence' NOT NULL;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD COLUMN "training_days" smallint DEFAULT 127 NOT NULL;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD COLUMN "sessions" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "outer_tasks" ADD COLUMN "done_on" date;--> statement-breakpoint
ALTER TABLE "days" ADD CONSTRAINT "days_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "facts" ADD CONSTRAINT "facts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "months" ADD CONSTRAINT "months_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_plan_id_physical_plans_id_fk" FOREIGN KEY ("plan_id") REFERENCES "public"."physical_plans"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_exercise_id_exercises_id_fk" FOREIGN KEY ("exercise_id") REFERENCES "public"."exercises"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "days_run" ON "days" USING btree ("user_id","run" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "facts_date" ON "facts" USING btree ("user_id","date");--> statement-breakpoint
CREATE INDEX "progressions_plan" ON "progressions" USING btree ("plan_id");--> statement-breakpoint
CREATE UNIQUE INDEX "exercises_key" ON "exercises" USING btree ("key");--> statement-breakpoint
ALTER TABLE "resources" ADD CONSTRAINT "resources_unit" CHECK ("resources"."unit" in ('page', 'chapter', 'minute', 'lesson')) NOT VALID;--> statement-breakpoint
ALTER TABLE "exercises" ADD CONSTRAINT "exercises_unit" CHECK ("exercises"."unit" in ('reps', 'seconds')) NOT VALID;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD CONSTRAINT "physical_plans_aim" CHECK ("physical_plans"."aim" in ('lose', 'gain', 'maintain')) NOT VALID;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD CONSTRAINT "physical_plans_schedule" CHECK ("physical_plans"."schedule" in ('sequence', 'weekday')) NOT VALID;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD CONSTRAINT "physical_plans_training_days" CHECK ("physical_plans"."training_days" between 0 and 127) NOT VALID;--> statement-breakpoint
CREATE FUNCTION "local_date"("at" timestamptz, "zone" text, "day_start" integer) RETURNS date LANGUAGE sql STABLE AS $$
	SELECT (("at" AT TIME ZONE "zone") - make_interval(hours => "day_start"))::date
$$;--> statement-breakpoint
CREATE FUNCTION "facts_are_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id) THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'facts are append-only';
END $$;--> statement-breakpoint
CREATE TRIGGER "facts_are_append_only" BEFORE UPDATE OR DELETE ON "facts" FOR EACH ROW EXECUTE FUNCTION "facts_are_append_only"();--> statement-breakpoint
INSERT INTO "schedules" ("user_id", "from_date", "training", "study")
SELECT u."id", (now() AT TIME ZONE 'UTC')::date,
	CASE WHEN EXISTS (SELECT FROM "physical_plans" p WHERE p."user_id" = u."id") THEN 127 ELSE 0 END,
	CASE WHEN EXISTS (
		SELECT FROM "mental_plan_resources" l JOIN "resources" r ON r."id" = l."resource_id"
		WHERE l."progress" < r."volume" AND l."mental_plan_id" = (SELECT max(m."id") FROM "mental_plans" m WHERE m."user_id" = u."id")
	) THEN 127 ELSE 0 END
FROM "users" u;
