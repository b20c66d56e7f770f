CREATE TABLE "secret" (
	"id" text PRIMARY KEY NOT NULL,
	"owner_kind" text NOT NULL,
	"owner_id" text NOT NULL,
	"name" text NOT NULL,
	"provider" text NOT NULL,
	"path" text,
	"version" integer NOT NULL,
	"sealed" jsonb,
	"fingerprint" text,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"updated_by" jsonb NOT NULL,
	"deleted_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "secret_binding" (
	"entry_id" text NOT NULL,
	"user_id" text NOT NULL,
	"name" text NOT NULL,
	"injection_point" text NOT NULL,
	"since" integer NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "secret_binding_entry_id_user_id_name_injection_point_pk" PRIMARY KEY("entry_id","user_id","name","injection_point")
);
--> statement-breakpoint
ALTER TABLE "entry" ADD COLUMN "bindings" jsonb;--> statement-breakpoint
ALTER TABLE "secret_binding" ADD CONSTRAINT "secret_binding_entry_id_entry_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."entry"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secret_binding" ADD CONSTRAINT "secret_binding_user_id_catalog_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."catalog_user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "secret_name" ON "secret" USING btree ("owner_kind","owner_id","name");