CREATE TABLE "bindings" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"openid" text NOT NULL,
	"device_no" text NOT NULL,
	"device_name" text NOT NULL,
	"operators" text NOT NULL,
	"qcellcore" text NOT NULL,
	"channel" text DEFAULT '' NOT NULL,
	"source" text DEFAULT '' NOT NULL,
	"bound_at" bigint NOT NULL,
	"changed_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "hall_codes" (
	"code_digest" "bytea" PRIMARY KEY NOT NULL,
	"appid" text NOT NULL,
	"user_id" bigint NOT NULL,
	"openid" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint
);
--> statement-breakpoint
CREATE TABLE "hall_orders" (
	"id" bigint PRIMARY KEY NOT NULL,
	"order_no" text NOT NULL,
	"appid" text NOT NULL,
	"openid" text NOT NULL,
	"device_no" text NOT NULL,
	"package_name" text NOT NULL,
	"transaction_date" text NOT NULL,
	"channel" text NOT NULL,
	"source" text NOT NULL,
	"reported_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "hall_returns" (
	"key" text PRIMARY KEY NOT NULL,
	"appid" text NOT NULL,
	"page" text NOT NULL,
	"used_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "hall_tickets" (
	"id" bigint PRIMARY KEY NOT NULL,
	"ticket_digest" "bytea" NOT NULL,
	"user_id" bigint NOT NULL,
	"appid" text,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "partner_openids" (
	"appid" text NOT NULL,
	"openid" text NOT NULL,
	"user_id" bigint NOT NULL,
	"learned_at" bigint NOT NULL,
	CONSTRAINT "partner_openids_key" PRIMARY KEY("appid","openid")
);
--> statement-breakpoint
CREATE TABLE "partner_pages" (
	"appid" text NOT NULL,
	"prefix" text NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "partner_pages_key" PRIMARY KEY("appid","prefix")
);
--> statement-breakpoint
ALTER TABLE "bindings" ADD CONSTRAINT "bindings_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hall_codes" ADD CONSTRAINT "hall_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "hall_tickets" ADD CONSTRAINT "hall_tickets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "partner_openids" ADD CONSTRAINT "partner_openids_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "partner_pages" ADD CONSTRAINT "partner_pages_appid_apps_appid_fk" FOREIGN KEY ("appid") REFERENCES "public"."apps"("appid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "bindings_openid_device" ON "bindings" USING btree ("openid","device_no");--> statement-breakpoint
CREATE INDEX "bindings_user" ON "bindings" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "hall_codes_expires" ON "hall_codes" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "hall_orders_order" ON "hall_orders" USING btree ("appid","device_no","package_name","transaction_date");--> statement-breakpoint
CREATE INDEX "hall_orders_appid" ON "hall_orders" USING btree ("appid","id");--> statement-breakpoint
CREATE INDEX "hall_returns_used" ON "hall_returns" USING btree ("used_at");--> statement-breakpoint
CREATE UNIQUE INDEX "hall_tickets_digest" ON "hall_tickets" USING btree ("ticket_digest");--> statement-breakpoint
CREATE INDEX "hall_tickets_expires" ON "hall_tickets" USING btree ("expires_at");