CREATE TABLE `followers` (
	`openid` text PRIMARY KEY NOT NULL,
	`id` integer NOT NULL,
	`nick_name` text DEFAULT '' NOT NULL,
	`icon_url` text DEFAULT '' NOT NULL,
	`subscribed` integer DEFAULT false NOT NULL,
	`attention_time` integer DEFAULT 0 NOT NULL,
	`changed_at` integer DEFAULT 0 NOT NULL,
	`scene_id` integer,
	`scan_time` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `followers_id` ON `followers` (`id`);--> statement-breakpoint
CREATE TABLE `payments` (
	`id` integer PRIMARY KEY NOT NULL,
	`out_trade_no` text NOT NULL,
	`subject_kind` text NOT NULL,
	`subject_id` integer NOT NULL,
	`open_for` text,
	`user_id` integer NOT NULL,
	`appid` text NOT NULL,
	`openid` text NOT NULL,
	`amount` integer NOT NULL,
	`description` text NOT NULL,
	`state` text NOT NULL,
	`prepay_id` text,
	`prepared_at` integer,
	`transaction_id` text,
	`paid_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`check_at` integer,
	`checks` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `payments_out_trade_no` ON `payments` (`out_trade_no`);--> statement-breakpoint
CREATE UNIQUE INDEX `payments_open_for` ON `payments` (`open_for`);--> statement-breakpoint
CREATE INDEX `payments_subject` ON `payments` (`subject_kind`,`subject_id`,`id`);--> statement-breakpoint
CREATE INDEX `payments_check` ON `payments` (`check_at`);--> statement-breakpoint
CREATE TABLE `refunds` (
	`id` integer PRIMARY KEY NOT NULL,
	`out_refund_no` text NOT NULL,
	`payment_id` integer NOT NULL,
	`amount` integer NOT NULL,
	`reason` text NOT NULL,
	`cause` text NOT NULL,
	`state` text NOT NULL,
	`refund_id` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`check_at` integer,
	`checks` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`payment_id`) REFERENCES `payments`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `refunds_out_refund_no` ON `refunds` (`out_refund_no`);--> statement-breakpoint
CREATE INDEX `refunds_payment` ON `refunds` (`payment_id`);--> statement-breakpoint
CREATE INDEX `refunds_check` ON `refunds` (`check_at`);--> statement-breakpoint
CREATE TABLE `shared_values` (
	`name` text PRIMARY KEY NOT NULL,
	`version` integer DEFAULT 0 NOT NULL,
	`sealed` blob,
	`expires_at` integer DEFAULT 0 NOT NULL,
	`lease_holder` text,
	`lease_until` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE `wechat_events` (
	`id` integer PRIMARY KEY NOT NULL,
	`key` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `wechat_events_key` ON `wechat_events` (`key`);--> statement-breakpoint
CREATE INDEX `wechat_events_at` ON `wechat_events` (`at`);--> statement-breakpoint
ALTER TABLE `sessions` ADD `appid` text DEFAULT '' NOT NULL;