CREATE TABLE "app_config" (
	"key" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ledger_accounts" (
	"account" text PRIMARY KEY NOT NULL,
	"takings" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"id" bigint PRIMARY KEY NOT NULL,
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"reference" text NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ledger_lines" (
	"entry_id" bigint NOT NULL,
	"account" text NOT NULL,
	"amount" bigint NOT NULL,
	CONSTRAINT "ledger_lines_key" PRIMARY KEY("entry_id","account")
);
--> statement-breakpoint
CREATE TABLE "rail_orders" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"state" integer NOT NULL,
	"amount" integer NOT NULL,
	"identity_sealed" "bytea" NOT NULL,
	"identity_last4" text NOT NULL,
	"document_type" integer NOT NULL,
	"passenger_type" integer NOT NULL,
	"passenger_name" text NOT NULL,
	"from_site" text NOT NULL,
	"to_site" text NOT NULL,
	"details" text NOT NULL,
	"idempotency_key" text,
	"merchant_id" bigint,
	"fee_rate" integer,
	"ticket_no" text DEFAULT '' NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"refund_from" integer,
	"ran_out" boolean DEFAULT false NOT NULL,
	"pay_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"confirms_at" bigint
);
--> statement-breakpoint
ALTER TABLE "ledger_lines" ADD CONSTRAINT "ledger_lines_entry_id_ledger_entries_id_fk" FOREIGN KEY ("entry_id") REFERENCES "public"."ledger_entries"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rail_orders" ADD CONSTRAINT "rail_orders_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rail_orders" ADD CONSTRAINT "rail_orders_merchant_id_users_id_fk" FOREIGN KEY ("merchant_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_entries_key" ON "ledger_entries" USING btree ("key");--> statement-breakpoint
CREATE INDEX "ledger_entries_reference" ON "ledger_entries" USING btree ("reference","id");--> statement-breakpoint
CREATE INDEX "ledger_lines_account" ON "ledger_lines" USING btree ("account","amount");--> statement-breakpoint
CREATE UNIQUE INDEX "rail_orders_idempotency" ON "rail_orders" USING btree ("user_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "rail_orders_user" ON "rail_orders" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "rail_orders_merchant" ON "rail_orders" USING btree ("merchant_id","id");--> statement-breakpoint
CREATE INDEX "rail_orders_state" ON "rail_orders" USING btree ("state","id");--> statement-breakpoint
CREATE INDEX "rail_orders_state_expires" ON "rail_orders" USING btree ("state","expires_at");--> statement-breakpoint
CREATE INDEX "rail_orders_state_confirms" ON "rail_orders" USING btree ("state","confirms_at");--> statement-breakpoint
CREATE FUNCTION "append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;--> statement-breakpoint
CREATE TRIGGER "ledger_entries_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "ledger_entries"
	FOR EACH STATEMENT EXECUTE FUNCTION "append_only"();--> statement-breakpoint
CREATE TRIGGER "ledger_lines_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "ledger_lines"
	FOR EACH STATEMENT EXECUTE FUNCTION "append_only"();
