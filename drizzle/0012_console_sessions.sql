CREATE TABLE "console_session" (
	"id" text PRIMARY KEY NOT NULL,
	"hash" text NOT NULL,
	"user_id" text NOT NULL,
	"token_id" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"last_used_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "console_session" ADD CONSTRAINT "console_session_user_id_catalog_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."catalog_user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "console_session" ADD CONSTRAINT "console_session_token_id_access_token_id_fk" FOREIGN KEY ("token_id") REFERENCES "public"."access_token"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "console_session_hash" ON "console_session" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "console_session_open" ON "console_session" USING btree ("user_id") WHERE ended_at is null;