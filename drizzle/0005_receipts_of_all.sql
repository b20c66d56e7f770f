CREATE TABLE "feed_node" (
	"id" text PRIMARY KEY NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "worker_subscription" (
	"node_id" text NOT NULL,
	"token_id" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"closed_at" timestamp (3) with time zone,
	CONSTRAINT "worker_subscription_node_id_token_id_owner_kind_owner_id_pk" PRIMARY KEY("node_id","token_id","owner_kind","owner_id")
);
--> statement-breakpoint
ALTER TABLE "revocation_target" ADD COLUMN "process_id" text;--> statement-breakpoint
ALTER TABLE "revocation_target" ADD COLUMN "token_id" text;--> statement-breakpoint
ALTER TABLE "revocation_target" ADD COLUMN "trusted_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "worker" ADD COLUMN "replaced_seen_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "worker_subscription" ADD CONSTRAINT "worker_subscription_node_id_feed_node_id_fk" FOREIGN KEY ("node_id") REFERENCES "public"."feed_node"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "revocation_target_token" ON "revocation_target" USING btree ("token_id") WHERE "revocation_target"."token_id" is not null and "revocation_target"."state" not in ('STOPPED', 'REFUSED');