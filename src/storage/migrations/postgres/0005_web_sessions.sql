CREATE TABLE "web_logins" (
	"state_hash" "bytea" PRIMARY KEY NOT NULL,
	"holder_hash" "bytea" NOT NULL,
	"target" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"claimed_at" bigint,
	"done_at" bigint,
	"code_hash" "bytea",
	"cookie_hash" "bytea"
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "cookie_hash" "bytea";--> statement-breakpoint
CREATE INDEX "web_logins_expires" ON "web_logins" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "web_logins_holder" ON "web_logins" USING btree ("holder_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_cookie" ON "sessions" USING btree ("cookie_hash");