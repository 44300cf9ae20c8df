CREATE TABLE `app_config` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ledger_accounts` (
	`account` text PRIMARY KEY NOT NULL,
	`takings` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ledger_entries` (
	`id` integer PRIMARY KEY NOT NULL,
	`key` text NOT NULL,
	`kind` text NOT NULL,
	`reference` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `ledger_entries_key` ON `ledger_entries` (`key`);--> statement-breakpoint
CREATE INDEX `ledger_entries_reference` ON `ledger_entries` (`reference`,`id`);--> statement-breakpoint
CREATE TABLE `ledger_lines` (
	`entry_id` integer NOT NULL,
	`account` text NOT NULL,
	`amount` integer NOT NULL,
	PRIMARY KEY(`entry_id`, `account`),
	FOREIGN KEY (`entry_id`) REFERENCES `ledger_entries`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ledger_lines_account` ON `ledger_lines` (`account`,`amount`);--> statement-breakpoint
CREATE TABLE `rail_orders` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`state` integer NOT NULL,
	`amount` integer NOT NULL,
	`identity_sealed` blob NOT NULL,
	`identity_last4` text NOT NULL,
	`document_type` integer NOT NULL,
	`passenger_type` integer NOT NULL,
	`passenger_name` text NOT NULL,
	`from_site` text NOT NULL,
	`to_site` text NOT NULL,
	`details` text NOT NULL,
	`idempotency_key` text,
	`merchant_id` integer,
	`fee_rate` integer,
	`ticket_no` text DEFAULT '' NOT NULL,
	`remark` text DEFAULT '' NOT NULL,
	`refund_from` integer,
	`ran_out` integer DEFAULT false NOT NULL,
	`pay_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`confirms_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`merchant_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `rail_orders_idempotency` ON `rail_orders` (`user_id`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `rail_orders_user` ON `rail_orders` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `rail_orders_merchant` ON `rail_orders` (`merchant_id`,`id`);--> statement-breakpoint
CREATE INDEX `rail_orders_state` ON `rail_orders` (`state`,`id`);--> statement-breakpoint
CREATE INDEX `rail_orders_state_expires` ON `rail_orders` (`state`,`expires_at`);--> statement-breakpoint
CREATE INDEX `rail_orders_state_confirms` ON `rail_orders` (`state`,`confirms_at`);--> statement-breakpoint
CREATE TRIGGER `ledger_entries_no_update` BEFORE UPDATE ON `ledger_entries` BEGIN
	SELECT RAISE(ABORT, 'ledger_entries is append-only');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_entries_no_delete` BEFORE DELETE ON `ledger_entries` BEGIN
	SELECT RAISE(ABORT, 'ledger_entries is append-only');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_lines_no_update` BEFORE UPDATE ON `ledger_lines` BEGIN
	SELECT RAISE(ABORT, 'ledger_lines is append-only');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_lines_no_delete` BEFORE DELETE ON `ledger_lines` BEGIN
	SELECT RAISE(ABORT, 'ledger_lines is append-only');
END;
