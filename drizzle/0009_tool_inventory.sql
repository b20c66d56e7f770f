CREATE TABLE "tool_inventory" (
	"entry_id" text PRIMARY KEY NOT NULL,
	"digest" text NOT NULL,
	"version" integer NOT NULL,
	"pinned" jsonb NOT NULL,
	"held" jsonb NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	"seen_by" jsonb NOT NULL
);
--> statement-breakpoint
ALTER TABLE "tool_inventory" ADD CONSTRAINT "tool_inventory_entry_id_entry_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."entry"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "tool_inventory_held" ON "tool_inventory" USING btree ("entry_id") WHERE held <> '[]'::jsonb;