CREATE TABLE `contacts` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`identity_sealed` blob NOT NULL,
	`identity_digest` blob NOT NULL,
	`name` text NOT NULL,
	`passenger_type` integer NOT NULL,
	`document_type` integer NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `contacts_user_identity` ON `contacts` (`user_id`,`identity_digest`);--> statement-breakpoint
CREATE INDEX `contacts_user` ON `contacts` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `phone_code_counts` (
	`subject` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`day_from` integer NOT NULL,
	`last_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `phone_code_counts_day` ON `phone_code_counts` (`day_from`);--> statement-breakpoint
CREATE TABLE `phone_codes` (
	`user_id` integer NOT NULL,
	`phone_digest` blob NOT NULL,
	`code_digest` blob NOT NULL,
	`tries` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `phone_digest`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `phone_codes_expires` ON `phone_codes` (`expires_at`);