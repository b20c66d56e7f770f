ALTER TABLE "revocation" DROP CONSTRAINT "revocation_entry_id_entry_id_fk";
--> statement-breakpoint
CREATE INDEX "worker_session_entries" ON "worker_session" USING gin ("entries" jsonb_path_ops);