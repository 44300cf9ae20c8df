CREATE TABLE `carts` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`movie_ids` text DEFAULT '[]' NOT NULL,
	`changed_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `complaints` (
	`id` integer PRIMARY KEY NOT NULL,
	`ticket_id` integer NOT NULL,
	`openid` text NOT NULL,
	`content` text NOT NULL,
	`state` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`ticket_id`) REFERENCES `tickets`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `seats` (
	`scene_id` integer PRIMARY KEY NOT NULL,
	`cinema_name` text NOT NULL,
	`hall_name` text NOT NULL,
	`seat_number` text NOT NULL,
	`vr_client_id` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `seats_vr_client` ON `seats` (`vr_client_id`);--> statement-breakpoint
CREATE TABLE `ticket_changes` (
	`number` integer PRIMARY KEY NOT NULL,
	`ticket_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	`vr_client_id` text NOT NULL,
	`status` integer NOT NULL,
	`phase` integer NOT NULL,
	`pay_time` integer,
	`at` integer NOT NULL,
	FOREIGN KEY (`ticket_id`) REFERENCES `tickets`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ticket_changes_user` ON `ticket_changes` (`user_id`,`number`);--> statement-breakpoint
CREATE INDEX `ticket_changes_vr_client` ON `ticket_changes` (`vr_client_id`,`number`);--> statement-breakpoint
CREATE TABLE `ticket_totals` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`pending` integer NOT NULL,
	`paid` integer NOT NULL,
	`over_time` integer NOT NULL,
	`cancelled` integer NOT NULL,
	`changes` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `tickets` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`status` integer NOT NULL,
	`phase` integer NOT NULL,
	`price` integer NOT NULL,
	`actual_price` integer NOT NULL,
	`pay_mode` text DEFAULT '' NOT NULL,
	`pay_time` integer,
	`viewer_openid` text NOT NULL,
	`viewer_nick_name` text NOT NULL,
	`scene_id` integer NOT NULL,
	`vr_client_id` text NOT NULL,
	`seat_number` text NOT NULL,
	`cinema_name` text NOT NULL,
	`hall_name` text NOT NULL,
	`movie_ids` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `tickets_user` ON `tickets` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `tickets_user_status` ON `tickets` (`user_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `tickets_status` ON `tickets` (`status`,`id`);--> statement-breakpoint
CREATE INDEX `tickets_status_expires` ON `tickets` (`status`,`expires_at`,`user_id`);--> statement-breakpoint
CREATE INDEX `tickets_vr_client` ON `tickets` (`vr_client_id`,`phase`,`id`);