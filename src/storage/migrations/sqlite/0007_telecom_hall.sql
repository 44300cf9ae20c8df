CREATE TABLE `bindings` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`openid` text NOT NULL,
	`device_no` text NOT NULL,
	`device_name` text NOT NULL,
	`operators` text NOT NULL,
	`qcellcore` text NOT NULL,
	`channel` text DEFAULT '' NOT NULL,
	`source` text DEFAULT '' NOT NULL,
	`bound_at` integer NOT NULL,
	`changed_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `bindings_openid_device` ON `bindings` (`openid`,`device_no`);--> statement-breakpoint
CREATE INDEX `bindings_user` ON `bindings` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `hall_codes` (
	`code_digest` blob PRIMARY KEY NOT NULL,
	`appid` text NOT NULL,
	`user_id` integer NOT NULL,
	`openid` text NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `hall_codes_expires` ON `hall_codes` (`expires_at`);--> statement-breakpoint
CREATE TABLE `hall_orders` (
	`id` integer PRIMARY KEY NOT NULL,
	`order_no` text NOT NULL,
	`appid` text NOT NULL,
	`openid` text NOT NULL,
	`device_no` text NOT NULL,
	`package_name` text NOT NULL,
	`transaction_date` text NOT NULL,
	`channel` text NOT NULL,
	`source` text NOT NULL,
	`reported_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `hall_orders_order` ON `hall_orders` (`appid`,`device_no`,`package_name`,`transaction_date`);--> statement-breakpoint
CREATE INDEX `hall_orders_appid` ON `hall_orders` (`appid`,`id`);--> statement-breakpoint
CREATE TABLE `hall_returns` (
	`key` text PRIMARY KEY NOT NULL,
	`appid` text NOT NULL,
	`page` text NOT NULL,
	`used_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `hall_returns_used` ON `hall_returns` (`used_at`);--> statement-breakpoint
CREATE TABLE `hall_tickets` (
	`id` integer PRIMARY KEY NOT NULL,
	`ticket_digest` blob NOT NULL,
	`user_id` integer NOT NULL,
	`appid` text,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `hall_tickets_digest` ON `hall_tickets` (`ticket_digest`);--> statement-breakpoint
CREATE INDEX `hall_tickets_expires` ON `hall_tickets` (`expires_at`);--> statement-breakpoint
CREATE TABLE `partner_openids` (
	`appid` text NOT NULL,
	`openid` text NOT NULL,
	`user_id` integer NOT NULL,
	`learned_at` integer NOT NULL,
	PRIMARY KEY(`appid`, `openid`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `partner_pages` (
	`appid` text NOT NULL,
	`prefix` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`appid`, `prefix`),
	FOREIGN KEY (`appid`) REFERENCES `apps`(`appid`) ON UPDATE no action ON DELETE no action
);
