CREATE TABLE "worker" (
	"id" text PRIMARY KEY NOT NULL,
	"token_id" text NOT NULL,
	"process_id" text NOT NULL,
	"number" integer NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "worker_session" (
	"worker_id" text NOT NULL,
	"session_id" text NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"agent" text,
	"cursor" text,
	"entries" jsonb NOT NULL,
	"bytes" integer NOT NULL,
	"opened_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "worker_session_worker_id_session_id_pk" PRIMARY KEY("worker_id","session_id")
);
--> statement-breakpoint
ALTER TABLE "worker" ADD CONSTRAINT "worker_token_id_access_token_id_fk" FOREIGN KEY ("token_id") REFERENCES "public"."access_token"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "worker_session" ADD CONSTRAINT "worker_session_worker_id_worker_id_fk" FOREIGN KEY ("worker_id") REFERENCES "public"."worker"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "worker_token" ON "worker" USING btree ("token_id");--> statement-breakpoint
CREATE INDEX "worker_seen" ON "worker" USING btree ("seen_at");--> statement-breakpoint
CREATE INDEX "worker_session_owner" ON "worker_session" USING btree ("owner_kind","owner_id");