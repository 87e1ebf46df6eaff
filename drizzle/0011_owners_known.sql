ALTER TABLE "workouts" ADD CONSTRAINT "workouts_owner_known" CHECK ("user_id" is not null) NOT VALID;--> statement-breakpoint
ALTER TABLE "workout_exercises" ADD CONSTRAINT "workout_exercises_owner_known" CHECK ("user_id" is not null) NOT VALID;--> statement-breakpoint
ALTER TABLE "mental_plan_resources" ADD CONSTRAINT "mental_plan_resources_owner_known" CHECK ("user_id" is not null) NOT VALID;--> statement-breakpoint
ALTER TABLE "export_parts" ADD CONSTRAINT "export_parts_owner_known" CHECK ("user_id" is not null) NOT VALID;
