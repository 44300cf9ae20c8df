CREATE TABLE "contacts" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"identity_sealed" "bytea" NOT NULL,
	"identity_digest" "bytea" NOT NULL,
	"name" text NOT NULL,
	"passenger_type" integer NOT NULL,
	"document_type" integer NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "phone_code_counts" (
	"subject" text PRIMARY KEY NOT NULL,
	"count" integer NOT NULL,
	"day_from" bigint NOT NULL,
	"last_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "phone_codes" (
	"user_id" bigint NOT NULL,
	"phone_digest" "bytea" NOT NULL,
	"code_digest" "bytea" NOT NULL,
	"tries" integer NOT NULL,
	"expires_at" bigint NOT NULL,
	CONSTRAINT "phone_codes_key" PRIMARY KEY("user_id","phone_digest")
);
--> statement-breakpoint
ALTER TABLE "contacts" ADD CONSTRAINT "contacts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "phone_codes" ADD CONSTRAINT "phone_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "contacts_user_identity" ON "contacts" USING btree ("user_id","identity_digest");--> statement-breakpoint
CREATE INDEX "contacts_user" ON "contacts" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "phone_code_counts_day" ON "phone_code_counts" USING btree ("day_from");--> statement-breakpoint
CREATE INDEX "phone_codes_expires" ON "phone_codes" USING btree ("expires_at");