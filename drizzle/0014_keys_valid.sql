DO $do$
DECLARE
	one record;
BEGIN
	FOR one IN
		SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname) AS statement
		FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND contype = 'f' AND NOT convalidated
		ORDER BY conrelid::regclass::text, conname
	LOOP
		EXECUTE one.statement;
	END LOOP;
END $do$;
