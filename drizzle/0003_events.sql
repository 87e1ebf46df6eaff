CREATE TABLE "event_sequences" (
	"user_id" integer NOT NULL,
	"last" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "event_sequences_user_id_pk" PRIMARY KEY("user_id")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"user_id" integer NOT NULL,
	"seq" bigint NOT NULL,
	"type" text NOT NULL,
	"data" json NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "events_user_id_seq_pk" PRIMARY KEY("user_id","seq")
);
--> statement-breakpoint
ALTER TABLE "event_sequences" ADD CONSTRAINT "event_sequences_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_user_id_event_sequences_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."event_sequences"("user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "events_at" ON "events" USING btree ("at");--> statement-breakpoint
INSERT INTO "event_sequences" ("user_id") SELECT "id" FROM "users";--> statement-breakpoint
CREATE FUNCTION "user_has_event_sequence"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO event_sequences (user_id) VALUES (NEW.id);
	RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "user_has_event_sequence" AFTER INSERT ON "users" FOR EACH ROW EXECUTE FUNCTION "user_has_event_sequence"();
