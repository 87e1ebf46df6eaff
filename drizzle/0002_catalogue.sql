CREATE TABLE "exercise_catalogue" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "exercise_catalogue_one_row" CHECK ("exercise_catalogue"."only")
);
--> statement-breakpoint
INSERT INTO "exercise_catalogue" DEFAULT VALUES;--> statement-breakpoint
CREATE FUNCTION "exercise_catalogue_changes"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE "exercise_catalogue" SET "version" = "version" + 1;
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "exercise_catalogue_changes" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "exercises" FOR EACH STATEMENT EXECUTE FUNCTION "exercise_catalogue_changes"();
