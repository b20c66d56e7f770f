CREATE TABLE "probe" (
	"id" text PRIMARY KEY NOT NULL,
	"entry_id" text NOT NULL,
	"entry_name" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"revision" integer NOT NULL,
	"requested_by" jsonb NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"deadline_at" timestamp (3) with time zone NOT NULL,
	"asked_worker_id" text,
	"cursor" text NOT NULL,
	"state" text NOT NULL,
	"taker" jsonb,
	"taken_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	"code" text,
	"reason" text,
	"inventory" jsonb
);
--> statement-breakpoint
CREATE TABLE "probe_node" (
	"id" text PRIMARY KEY NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	"listeners" jsonb NOT NULL
);
--> statement-breakpoint
ALTER TABLE "probe" ADD CONSTRAINT "probe_entry_id_entry_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."entry"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "probe_entry" ON "probe" USING btree ("entry_id","requested_at");--> statement-breakpoint
CREATE INDEX "probe_requested" ON "probe" USING btree ("requested_at");--> statement-breakpoint
CREATE INDEX "probe_pending" ON "probe" USING btree ("deadline_at") WHERE state = 'PENDING';