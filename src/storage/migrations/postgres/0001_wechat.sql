CREATE TABLE "followers" (
	"openid" text PRIMARY KEY NOT NULL,
	"id" bigint NOT NULL,
	"nick_name" text DEFAULT '' NOT NULL,
	"icon_url" text DEFAULT '' NOT NULL,
	"subscribed" boolean DEFAULT false NOT NULL,
	"attention_time" bigint DEFAULT 0 NOT NULL,
	"changed_at" bigint DEFAULT 0 NOT NULL,
	"scene_id" bigint,
	"scan_time" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payments" (
	"id" bigint PRIMARY KEY NOT NULL,
	"out_trade_no" text NOT NULL,
	"subject_kind" text NOT NULL,
	"subject_id" bigint NOT NULL,
	"open_for" text,
	"user_id" bigint NOT NULL,
	"appid" text NOT NULL,
	"openid" text NOT NULL,
	"amount" integer NOT NULL,
	"description" text NOT NULL,
	"state" text NOT NULL,
	"prepay_id" text,
	"prepared_at" bigint,
	"transaction_id" text,
	"paid_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"check_at" bigint,
	"checks" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "refunds" (
	"id" bigint PRIMARY KEY NOT NULL,
	"out_refund_no" text NOT NULL,
	"payment_id" bigint NOT NULL,
	"amount" integer NOT NULL,
	"reason" text NOT NULL,
	"cause" text NOT NULL,
	"state" text NOT NULL,
	"refund_id" text,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"check_at" bigint,
	"checks" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "shared_values" (
	"name" text PRIMARY KEY NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	"sealed" "bytea",
	"expires_at" bigint DEFAULT 0 NOT NULL,
	"lease_holder" text,
	"lease_until" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "wechat_events" (
	"id" bigint PRIMARY KEY NOT NULL,
	"key" text NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "appid" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_payment_id_payments_id_fk" FOREIGN KEY ("payment_id") REFERENCES "public"."payments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "followers_id" ON "followers" USING btree ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "payments_out_trade_no" ON "payments" USING btree ("out_trade_no");--> statement-breakpoint
CREATE UNIQUE INDEX "payments_open_for" ON "payments" USING btree ("open_for");--> statement-breakpoint
CREATE INDEX "payments_subject" ON "payments" USING btree ("subject_kind","subject_id","id");--> statement-breakpoint
CREATE INDEX "payments_check" ON "payments" USING btree ("check_at");--> statement-breakpoint
CREATE UNIQUE INDEX "refunds_out_refund_no" ON "refunds" USING btree ("out_refund_no");--> statement-breakpoint
CREATE INDEX "refunds_payment" ON "refunds" USING btree ("payment_id");--> statement-breakpoint
CREATE INDEX "refunds_check" ON "refunds" USING btree ("check_at");--> statement-breakpoint
CREATE UNIQUE INDEX "wechat_events_key" ON "wechat_events" USING btree ("key");--> statement-breakpoint
CREATE INDEX "wechat_events_at" ON "wechat_events" USING btree ("at");