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
	-- Who may use the tables.
	FOR one IN
		SELECT format('GRANT %s ON %I TO %s', acl.privilege_type, t."table",
			CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END) AS statement
		FROM next_tables t
		JOIN pg_class old ON old.oid = format('public.%I', t."old")::regclass
		CROSS JOIN aclexplode(old.relacl) AS acl
		WHERE acl.grantee <> old.relowner
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
CREATE TRIGGER "exercise_catalogue_changes" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "exercises" FOR EACH STATEMENT EXECUTE FUNCTION "exercise_catalogue_changes"();
