ALTER TABLE "workouts" ADD COLUMN "user_id" integer;--> statement-breakpoint
ALTER TABLE "workout_exercises" ADD COLUMN "user_id" integer;--> statement-breakpoint
ALTER TABLE "mental_plan_resources" ADD COLUMN "user_id" integer;--> statement-breakpoint
ALTER TABLE "export_parts" ADD COLUMN "user_id" integer;--> statement-breakpoint
CREATE TABLE "logins" (
	"key" text NOT NULL,
	"login_key" text NOT NULL,
	"user_id" integer NOT NULL,
	CONSTRAINT "logins_key_login_key_pk" PRIMARY KEY("key","login_key")
);
--> statement-breakpoint
ALTER TABLE "logins" ADD CONSTRAINT "logins_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "logins_user" ON "logins" USING btree ("user_id");--> statement-breakpoint
CREATE FUNCTION "workouts_owner"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	NEW.user_id := (SELECT user_id FROM physical_plans WHERE id = NEW.physical_plan_id);
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "workouts_owner" BEFORE INSERT ON "workouts" FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION "workouts_owner"();--> statement-breakpoint
CREATE FUNCTION "workout_exercises_owner"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	-- Of the plan: the workout's own is filled in later.
	NEW.user_id := (
		SELECT plan.user_id
		FROM workouts workout
		JOIN physical_plans plan ON plan.id = workout.physical_plan_id
		WHERE workout.id = NEW.workout_id);
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "workout_exercises_owner" BEFORE INSERT ON "workout_exercises" FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION "workout_exercises_owner"();--> statement-breakpoint
CREATE FUNCTION "mental_plan_resources_owner"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	NEW.user_id := (SELECT user_id FROM mental_plans WHERE id = NEW.mental_plan_id);
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "mental_plan_resources_owner" BEFORE INSERT ON "mental_plan_resources" FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION "mental_plan_resources_owner"();--> statement-breakpoint
CREATE FUNCTION "export_parts_owner"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	NEW.user_id := (SELECT user_id FROM exports WHERE id = NEW.export_id);
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "export_parts_owner" BEFORE INSERT ON "export_parts" FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION "export_parts_owner"();--> statement-breakpoint
CREATE FUNCTION "users_login"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		DELETE FROM logins WHERE user_id = NEW.id;
	END IF;
	INSERT INTO logins (key, login_key, user_id)
	SELECT normalize(regexp_replace(NEW.login_key, '[\U000000ad-\U000000ad\U0000034f-\U0000034f\U0000061c-\U0000061c\U0000115f-\U00001160\U000017b4-\U000017b5\U0000180b-\U0000180f\U0000200b-\U0000200f\U0000202a-\U0000202e\U00002060-\U0000206f\U00003164-\U00003164\U0000fe00-\U0000fe0f\U0000feff-\U0000feff\U0000ffa0-\U0000ffa0\U0000fff0-\U0000fff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]', '', 'g'), NFKC), NEW.login_key, NEW.id
	ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "users_login" AFTER INSERT OR UPDATE OF "login_key" ON "users" FOR EACH ROW EXECUTE FUNCTION "users_login"();--> statement-breakpoint
CREATE OR REPLACE FUNCTION "user_has_event_sequence"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO event_sequences (user_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
