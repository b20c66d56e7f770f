ALTER TABLE "catalog_user" ADD COLUMN "claims_issued_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "team_member" ADD COLUMN "expires_at" timestamp (3) with time zone;