DO $do$
BEGIN
	EXECUTE (SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', string_agg(format('%I', "old"), ', ' ORDER BY "old")) FROM next_tables);
END $do$;--> statement-breakpoint
SELECT setval(new.name::regclass, coalesce(last_value, start_value), last_value IS NOT NULL)
FROM next_tables t
JOIN information_schema.columns c ON c.table_schema = 'public' AND c.table_name = t."old" AND c.is_identity = 'YES'
CROSS JOIN pg_get_serial_sequence(format('public.%I', t."table"), c.column_name) AS new(name)
CROSS JOIN pg_get_serial_sequence(format('public.%I', t."old"), c.column_name) AS old(name)
JOIN pg_sequences s ON format('%I.%I', s.schemaname, s.sequencename) = old.name;--> statement-breakpoint
DO $do$
DECLARE
	one record;
BEGIN
	-- Whose the tables are: who migrates may be another role, a superuser or a member of the owner.
	FOR one IN
		SELECT format('ALTER TABLE %I OWNER TO %I', t."table", pg_get_userbyid(old.relowner)) AS statement
		FROM next_tables t
		JOIN pg_class old ON old.oid = format('public.%I', t."old")::regclass
		JOIN pg_class new ON new.oid = format('public.%I', t."table")::regclass
		WHERE new.relowner <> old.relowner
	LOOP
		EXECUTE one.statement;
	END LOOP;
	-- Who may use them, their columns and the sequences of their ids.
	FOR one IN
		WITH pairs AS (
			SELECT format('public.%I', "old")::regclass AS old, format('public.%I', "table")::regclass AS new
			FROM next_tables
		), given AS (
			SELECT 'TABLE' AS kind, p.new, NULL AS "column", c.relacl AS acl, c.relowner AS owner
			FROM pairs p
			JOIN pg_class c ON c.oid = p.old
			UNION ALL
			SELECT 'TABLE', p.new, a.attname, a.attacl, c.relowner
			FROM pairs p
			JOIN pg_class c ON c.oid = p.old
			JOIN pg_attribute a ON a.attrelid = p.old AND NOT a.attisdropped
			UNION ALL
			SELECT 'SEQUENCE', pg_get_serial_sequence(p.new::text, a.attname)::regclass, NULL, c.relacl, c.relowner
			FROM pairs p
			JOIN pg_attribute a ON a.attrelid = p.old AND a.attidentity <> ''
			JOIN pg_class c ON c.oid = pg_get_serial_sequence(p.old::text, a.attname)::regclass
		)
		SELECT format('GRANT %s%s ON %s %s TO %s%s', acl.privilege_type, ' (' || quote_ident(g."column") || ')', g.kind, g.new,
			CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END,
			CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' END) AS statement
		FROM given g
		CROSS JOIN aclexplode(g.acl) AS acl
		WHERE acl.grantee <> g.owner
	LOOP
		EXECUTE one.statement;
	END LOOP;
	EXECUTE (SELECT format('DROP TABLE %s', string_agg(format('%I', "old"), ', ')) FROM next_tables);
	DROP VIEW next_tables;
	-- The names of tables, indexes, sequences and constraints.
	FOR one IN
		SELECT format('ALTER %s %I RENAME TO %I', CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'i' THEN 'INDEX' ELSE 'SEQUENCE' END,
			relname, substr(relname, 6)) AS statement
		FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND starts_with(relname, 'next_') AND relkind IN ('r', 'i', 'S')
	LOOP
		EXECUTE one.statement;
	END LOOP;
	FOR one IN
		SELECT format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', conrelid::regclass, conname, substr(conname, 6)) AS statement
		FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND starts_with(conname, 'next_')
	LOOP
		EXECUTE one.statement;
	END LOOP;
	-- What kept the tables in step.
	FOR one IN
		SELECT format('DROP FUNCTION %I()', proname) AS statement
		FROM pg_proc
		WHERE pronamespace = 'public'::regnamespace
			AND (proname ~ '^next_.*_follows$' OR proname IN (
				'workouts_owner', 'workout_exercises_owner', 'mental_plan_resources_owner', 'export_parts_owner',
				'users_login', 'user_has_event_sequence'))
	LOOP
		EXECUTE one.statement;
	END LOOP;
END $do$;--> statement-breakpoint
CREATE TRIGGER "audit_trail_is_append_only" BEFORE UPDATE OR DELETE ON "audit_trail" FOR EACH ROW EXECUTE FUNCTION "audit_trail_is_append_only"();--> statement-breakpoint
CREATE TRIGGER "facts_are_append_only" BEFORE UPDATE OR DELETE ON "facts" FOR EACH ROW EXECUTE FUNCTION "facts_are_append_only"();--> statement-breakpoint
CREATE TRIGGER "exercise_catalogue_changes" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "exercises" FOR EACH STATEMENT EXECUTE FUNCTION "exercise_catalogue_changes"();--> statement-breakpoint
ALTER TABLE "body_weights" ADD CONSTRAINT "body_weights_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "calendars" ADD CONSTRAINT "calendars_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "days" ADD CONSTRAINT "days_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "facts" ADD CONSTRAINT "facts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "months" ADD CONSTRAINT "months_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_exercise_id_exercises_id_fk" FOREIGN KEY ("exercise_id") REFERENCES "public"."exercises"("id") ON DELETE restrict ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "progressions" ADD CONSTRAINT "progressions_plan" FOREIGN KEY ("user_id","plan_id") REFERENCES "public"."physical_plans"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "schedules" ADD CONSTRAINT "schedules_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "event_sequences" ADD CONSTRAINT "event_sequences_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_user_id_event_sequences_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."event_sequences"("user_id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "export_parts" ADD CONSTRAINT "export_parts_export" FOREIGN KEY ("user_id","export_id") REFERENCES "public"."exports"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "exports" ADD CONSTRAINT "exports_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "mental_plan_resources" ADD CONSTRAINT "mental_plan_resources_mental_plan" FOREIGN KEY ("user_id","mental_plan_id") REFERENCES "public"."mental_plans"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "mental_plan_resources" ADD CONSTRAINT "mental_plan_resources_of_resource" FOREIGN KEY ("user_id","resource_id") REFERENCES "public"."resources"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "mental_plans" ADD CONSTRAINT "mental_plans_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "resources" ADD CONSTRAINT "resources_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "physical_plans" ADD CONSTRAINT "physical_plans_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "workout_exercises" ADD CONSTRAINT "workout_exercises_exercise_id_exercises_id_fk" FOREIGN KEY ("exercise_id") REFERENCES "public"."exercises"("id") ON DELETE restrict ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "workout_exercises" ADD CONSTRAINT "workout_exercises_workout" FOREIGN KEY ("user_id","workout_id") REFERENCES "public"."workouts"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "workouts" ADD CONSTRAINT "workouts_physical_plan" FOREIGN KEY ("user_id","physical_plan_id") REFERENCES "public"."physical_plans"("user_id","id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "password_resets" ADD CONSTRAINT "password_resets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "task_series" ADD CONSTRAINT "task_series_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "outer_tasks" ADD CONSTRAINT "outer_tasks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "outer_tasks" ADD CONSTRAINT "outer_tasks_series" FOREIGN KEY ("user_id","series_id") REFERENCES "public"."task_series"("user_id","id") ON DELETE no action ON UPDATE no action NOT VALID;--> statement-breakpoint
ALTER TABLE "logins" ADD CONSTRAINT "logins_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action NOT VALID;
