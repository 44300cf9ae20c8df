CREATE TABLE `measurements` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`sample_rate` real NOT NULL,
	`sample_count` integer NOT NULL,
	`remark` text NOT NULL,
	`price` integer NOT NULL,
	`paid_at` integer,
	`created_at` integer NOT NULL,
	`idempotency_key` text,
	`request_hash` blob,
	`packed` blob NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `measurements_idempotency` ON `measurements` (`user_id`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `measurements_user` ON `measurements` (`user_id`,`id`,`created_at`);--> statement-breakpoint
CREATE INDEX `measurements_unpaid` ON `measurements` (`user_id`,`paid_at`,`price`,`id`);