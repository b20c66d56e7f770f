CREATE INDEX "access_event_target" ON "access_event" USING btree ("target");--> statement-breakpoint
CREATE INDEX "access_event_action" ON "access_event" USING btree ("action");--> statement-breakpoint
CREATE INDEX "access_event_at" ON "access_event" USING btree ("at");--> statement-breakpoint
CREATE INDEX "access_event_actor" ON "access_event" USING btree ((actor->>'id'));--> statement-breakpoint
CREATE INDEX "audit_event_at" ON "audit_event" USING btree ("at");--> statement-breakpoint
CREATE INDEX "audit_event_actor" ON "audit_event" USING btree ((actor->>'id'));