CREATE INDEX "facts_date_seq" ON "facts" USING btree ("user_id","date","seq");--> statement-breakpoint
DROP INDEX "facts_date";
