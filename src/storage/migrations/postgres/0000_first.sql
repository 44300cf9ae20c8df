CREATE TABLE "app_tokens_issued" (
	"appid" text NOT NULL,
	"day" text NOT NULL,
	"count" integer NOT NULL,
	CONSTRAINT "app_tokens_issued_key" PRIMARY KEY("appid","day")
);
--> statement-breakpoint
CREATE TABLE "apps" (
	"appid" text PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"role" text NOT NULL,
	"quota_per_day" integer NOT NULL,
	"created_at" bigint NOT NULL,
	"disabled_at" bigint
);
--> statement-breakpoint
CREATE TABLE "audit_events" (
	"id" bigint PRIMARY KEY NOT NULL,
	"at" bigint NOT NULL,
	"kind" text NOT NULL,
	"user_id" bigint,
	"sid" text,
	"appid" text,
	"detail" text DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "identities" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"appid" text NOT NULL,
	"openid" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "order_products" (
	"order_id" bigint NOT NULL,
	"position" integer NOT NULL,
	"product_id" text NOT NULL,
	"name" text NOT NULL,
	"price" integer NOT NULL,
	"count" integer NOT NULL,
	"product_snapshot" bigint NOT NULL,
	"detail" text NOT NULL,
	CONSTRAINT "order_products_key" PRIMARY KEY("order_id","position")
);
--> statement-breakpoint
CREATE TABLE "orders" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"state" integer DEFAULT 0 NOT NULL,
	"amount" integer NOT NULL,
	"discount" integer DEFAULT 0 NOT NULL,
	"pay" integer NOT NULL,
	"pay_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"deleted_at" bigint,
	"expires_at" bigint NOT NULL,
	"idempotency_key" text,
	"request_hash" "bytea"
);
--> statement-breakpoint
CREATE TABLE "product_snapshots" (
	"id" bigint PRIMARY KEY NOT NULL,
	"product_id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"price" integer NOT NULL,
	"detail" text NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "products" (
	"product_id" text PRIMARY KEY NOT NULL,
	"id" bigint NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"price" integer NOT NULL,
	"detail" text DEFAULT '' NOT NULL,
	"on_sale" boolean DEFAULT true NOT NULL,
	"snapshot" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "profiles" (
	"user_id" bigint PRIMARY KEY NOT NULL,
	"phone" text,
	"phone_verified_at" bigint,
	"wechat_no" text DEFAULT '' NOT NULL,
	"status" text DEFAULT 'WAIT_AUTHEN' NOT NULL,
	"birthday" text DEFAULT '' NOT NULL,
	"identity_sealed" "bytea",
	"identity_last4" text DEFAULT '' NOT NULL,
	"real_name" text DEFAULT '' NOT NULL,
	"benefit_rate" integer DEFAULT 0 NOT NULL,
	"rail_account" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"name" text PRIMARY KEY NOT NULL,
	"sealed" "bytea" NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"sid" text PRIMARY KEY NOT NULL,
	"user_id" bigint,
	"generation" integer DEFAULT 0 NOT NULL,
	"absolute_expires_at" bigint NOT NULL,
	"idle_expires_at" bigint NOT NULL,
	"device" text DEFAULT '' NOT NULL,
	"created_at" bigint NOT NULL,
	"used_at" bigint NOT NULL,
	"revoked_at" bigint,
	"revoke_reason" text,
	"attempt_hash" "bytea",
	"rotated_at" bigint,
	"successor_used" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"kid" text PRIMARY KEY NOT NULL,
	"alg" text NOT NULL,
	"public_jwk" text NOT NULL,
	"private_sealed" "bytea" NOT NULL,
	"created_at" bigint NOT NULL,
	"active_from" bigint NOT NULL,
	"retire_at" bigint,
	"remove_at" bigint
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" bigint PRIMARY KEY NOT NULL,
	"openid" text,
	"unionid" text,
	"role" text DEFAULT 'customer' NOT NULL,
	"banned_at" bigint,
	"created_at" bigint NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"agent" text DEFAULT '' NOT NULL,
	"avatar" text DEFAULT '' NOT NULL,
	"update_at" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "app_tokens_issued" ADD CONSTRAINT "app_tokens_issued_appid_apps_appid_fk" FOREIGN KEY ("appid") REFERENCES "public"."apps"("appid") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_products" ADD CONSTRAINT "order_products_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_products" ADD CONSTRAINT "order_products_product_snapshot_product_snapshots_id_fk" FOREIGN KEY ("product_snapshot") REFERENCES "public"."product_snapshots"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "products" ADD CONSTRAINT "products_snapshot_product_snapshots_id_fk" FOREIGN KEY ("snapshot") REFERENCES "public"."product_snapshots"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_events_user" ON "audit_events" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "identities_appid_openid" ON "identities" USING btree ("appid","openid");--> statement-breakpoint
CREATE INDEX "identities_user" ON "identities" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "identities_openid" ON "identities" USING btree ("openid");--> statement-breakpoint
CREATE UNIQUE INDEX "orders_idempotency" ON "orders" USING btree ("user_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "orders_user" ON "orders" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "orders_state_expires" ON "orders" USING btree ("state","expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "products_id" ON "products" USING btree ("id");--> statement-breakpoint
CREATE INDEX "products_kind_id" ON "products" USING btree ("kind","id");--> statement-breakpoint
CREATE INDEX "sessions_user_revoked" ON "sessions" USING btree ("user_id","revoked_at");--> statement-breakpoint
CREATE INDEX "sessions_absolute_expires" ON "sessions" USING btree ("absolute_expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_unionid" ON "users" USING btree ("unionid");