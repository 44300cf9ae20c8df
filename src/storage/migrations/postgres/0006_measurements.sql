CREATE TABLE "measurements" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"sample_rate" double precision NOT NULL,
	"sample_count" integer NOT NULL,
	"remark" text NOT NULL,
	"price" integer NOT NULL,
	"paid_at" bigint,
	"created_at" bigint NOT NULL,
	"idempotency_key" text,
	"request_hash" "bytea",
	"packed" "bytea" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "measurements" ADD CONSTRAINT "measurements_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "measurements_idempotency" ON "measurements" USING btree ("user_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "measurements_user" ON "measurements" USING btree ("user_id","id","created_at");--> statement-breakpoint
CREATE INDEX "measurements_unpaid" ON "measurements" USING btree ("user_id","paid_at","price","id");