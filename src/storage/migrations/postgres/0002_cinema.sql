CREATE TABLE "carts" (
	"user_id" bigint PRIMARY KEY NOT NULL,
	"movie_ids" text DEFAULT '[]' NOT NULL,
	"changed_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "complaints" (
	"id" bigint PRIMARY KEY NOT NULL,
	"ticket_id" bigint NOT NULL,
	"openid" text NOT NULL,
	"content" text NOT NULL,
	"state" integer DEFAULT 0 NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "seats" (
	"scene_id" bigint PRIMARY KEY NOT NULL,
	"cinema_name" text NOT NULL,
	"hall_name" text NOT NULL,
	"seat_number" text NOT NULL,
	"vr_client_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ticket_changes" (
	"number" bigint PRIMARY KEY NOT NULL,
	"ticket_id" bigint NOT NULL,
	"user_id" bigint NOT NULL,
	"vr_client_id" text NOT NULL,
	"status" integer NOT NULL,
	"phase" integer NOT NULL,
	"pay_time" bigint,
	"at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ticket_totals" (
	"user_id" bigint PRIMARY KEY NOT NULL,
	"pending" integer NOT NULL,
	"paid" integer NOT NULL,
	"over_time" integer NOT NULL,
	"cancelled" integer NOT NULL,
	"changes" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tickets" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" bigint NOT NULL,
	"status" integer NOT NULL,
	"phase" integer NOT NULL,
	"price" integer NOT NULL,
	"actual_price" integer NOT NULL,
	"pay_mode" text DEFAULT '' NOT NULL,
	"pay_time" bigint,
	"viewer_openid" text NOT NULL,
	"viewer_nick_name" text NOT NULL,
	"scene_id" bigint NOT NULL,
	"vr_client_id" text NOT NULL,
	"seat_number" text NOT NULL,
	"cinema_name" text NOT NULL,
	"hall_name" text NOT NULL,
	"movie_ids" text NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "carts" ADD CONSTRAINT "carts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "complaints" ADD CONSTRAINT "complaints_ticket_id_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "public"."tickets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ticket_changes" ADD CONSTRAINT "ticket_changes_ticket_id_tickets_id_fk" FOREIGN KEY ("ticket_id") REFERENCES "public"."tickets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "seats_vr_client" ON "seats" USING btree ("vr_client_id");--> statement-breakpoint
CREATE INDEX "ticket_changes_user" ON "ticket_changes" USING btree ("user_id","number");--> statement-breakpoint
CREATE INDEX "ticket_changes_vr_client" ON "ticket_changes" USING btree ("vr_client_id","number");--> statement-breakpoint
CREATE INDEX "tickets_user" ON "tickets" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "tickets_user_status" ON "tickets" USING btree ("user_id","status","id");--> statement-breakpoint
CREATE INDEX "tickets_status" ON "tickets" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "tickets_status_expires" ON "tickets" USING btree ("status","expires_at","user_id");--> statement-breakpoint
CREATE INDEX "tickets_vr_client" ON "tickets" USING btree ("vr_client_id","phase","id");