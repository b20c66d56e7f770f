CREATE TABLE "revocation" (
	"id" text PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	"entry_id" text NOT NULL,
	"entry_name" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"revision" integer NOT NULL,
	"verb" text NOT NULL,
	"mode" text NOT NULL,
	"reason" text NOT NULL,
	"requested_by" jsonb NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"deadline" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "revocation_target" (
	"revocation_id" text NOT NULL,
	"worker_id" text NOT NULL,
	"session_id" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"state" text NOT NULL,
	"at" timestamp (3) with time zone,
	"refused_calls" integer NOT NULL,
	"reason" text,
	CONSTRAINT "revocation_target_revocation_id_worker_id_session_id_pk" PRIMARY KEY("revocation_id","worker_id","session_id")
);
--> statement-breakpoint
ALTER TABLE "entry" ADD COLUMN "revoked" jsonb;--> statement-breakpoint
ALTER TABLE "revocation" ADD CONSTRAINT "revocation_entry_id_entry_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."entry"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revocation_target" ADD CONSTRAINT "revocation_target_revocation_id_revocation_id_fk" FOREIGN KEY ("revocation_id") REFERENCES "public"."revocation"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "revocation_sequence" ON "revocation" USING btree ("sequence");--> statement-breakpoint
CREATE INDEX "revocation_entry" ON "revocation" USING btree ("entry_id");--> statement-breakpoint
CREATE INDEX "revocation_requested" ON "revocation" USING btree ("requested_at");--> statement-breakpoint
CREATE INDEX "revocation_owner" ON "revocation" USING btree ("owner_kind","owner_id","sequence");--> statement-breakpoint
CREATE INDEX "revocation_target_open" ON "revocation_target" USING btree ("worker_id") WHERE "revocation_target"."state" not in ('STOPPED', 'REFUSED');--> statement-breakpoint
CREATE INDEX "revocation_target_ended" ON "revocation_target" USING btree ("worker_id","at") WHERE "revocation_target"."state" in ('STOPPED', 'REFUSED');