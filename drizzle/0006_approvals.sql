CREATE TABLE "approval" (
	"id" text PRIMARY KEY NOT NULL,
	"number" serial NOT NULL,
	"entry_id" text NOT NULL,
	"entry_name" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"revision" integer NOT NULL,
	"digest" text NOT NULL,
	"state" text NOT NULL,
	"requested_by" jsonb NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"decided_by" jsonb,
	"decided_at" timestamp (3) with time zone,
	"note" text
);
--> statement-breakpoint
ALTER TABLE "entry" ADD COLUMN "approval" jsonb;--> statement-breakpoint
ALTER TABLE "approval" ADD CONSTRAINT "approval_entry_id_entry_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."entry"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "approval_number" ON "approval" USING btree ("number");--> statement-breakpoint
CREATE INDEX "approval_entry" ON "approval" USING btree ("entry_id","number");--> statement-breakpoint
CREATE INDEX "approval_owner" ON "approval" USING btree ("owner_kind","owner_id","number");