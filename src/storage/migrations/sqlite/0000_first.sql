CREATE TABLE `app_tokens_issued` (
	`appid` text NOT NULL,
	`day` text NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`appid`, `day`),
	FOREIGN KEY (`appid`) REFERENCES `apps`(`appid`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `apps` (
	`appid` text PRIMARY KEY NOT NULL,
	`secret_hash` text NOT NULL,
	`role` text NOT NULL,
	`quota_per_day` integer NOT NULL,
	`created_at` integer NOT NULL,
	`disabled_at` integer
);
--> statement-breakpoint
CREATE TABLE `audit_events` (
	`id` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`kind` text NOT NULL,
	`user_id` integer,
	`sid` text,
	`appid` text,
	`detail` text DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_events_user` ON `audit_events` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `identities` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`appid` text NOT NULL,
	`openid` text NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `identities_appid_openid` ON `identities` (`appid`,`openid`);--> statement-breakpoint
CREATE INDEX `identities_user` ON `identities` (`user_id`);--> statement-breakpoint
CREATE INDEX `identities_openid` ON `identities` (`openid`);--> statement-breakpoint
CREATE TABLE `order_products` (
	`order_id` integer NOT NULL,
	`position` integer NOT NULL,
	`product_id` text NOT NULL,
	`name` text NOT NULL,
	`price` integer NOT NULL,
	`count` integer NOT NULL,
	`product_snapshot` integer NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`order_id`, `position`),
	FOREIGN KEY (`order_id`) REFERENCES `orders`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`product_snapshot`) REFERENCES `product_snapshots`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `orders` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`state` integer DEFAULT 0 NOT NULL,
	`amount` integer NOT NULL,
	`discount` integer DEFAULT 0 NOT NULL,
	`pay` integer NOT NULL,
	`pay_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	`expires_at` integer NOT NULL,
	`idempotency_key` text,
	`request_hash` blob,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `orders_idempotency` ON `orders` (`user_id`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `orders_user` ON `orders` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `orders_state_expires` ON `orders` (`state`,`expires_at`);--> statement-breakpoint
CREATE TABLE `product_snapshots` (
	`id` integer PRIMARY KEY NOT NULL,
	`product_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`price` integer NOT NULL,
	`detail` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `products` (
	`product_id` text PRIMARY KEY NOT NULL,
	`id` integer NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`price` integer NOT NULL,
	`detail` text DEFAULT '' NOT NULL,
	`on_sale` integer DEFAULT true NOT NULL,
	`snapshot` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`snapshot`) REFERENCES `product_snapshots`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `products_id` ON `products` (`id`);--> statement-breakpoint
CREATE INDEX `products_kind_id` ON `products` (`kind`,`id`);--> statement-breakpoint
CREATE TABLE `profiles` (
	`user_id` integer PRIMARY KEY NOT NULL,
	`phone` text,
	`phone_verified_at` integer,
	`wechat_no` text DEFAULT '' NOT NULL,
	`status` text DEFAULT 'WAIT_AUTHEN' NOT NULL,
	`birthday` text DEFAULT '' NOT NULL,
	`identity_sealed` blob,
	`identity_last4` text DEFAULT '' NOT NULL,
	`real_name` text DEFAULT '' NOT NULL,
	`benefit_rate` integer DEFAULT 0 NOT NULL,
	`rail_account` text DEFAULT '' NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `secrets` (
	`name` text PRIMARY KEY NOT NULL,
	`sealed` blob NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`sid` text PRIMARY KEY NOT NULL,
	`user_id` integer,
	`generation` integer DEFAULT 0 NOT NULL,
	`absolute_expires_at` integer NOT NULL,
	`idle_expires_at` integer NOT NULL,
	`device` text DEFAULT '' NOT NULL,
	`created_at` integer NOT NULL,
	`used_at` integer NOT NULL,
	`revoked_at` integer,
	`revoke_reason` text,
	`attempt_hash` blob,
	`rotated_at` integer,
	`successor_used` integer DEFAULT false NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `sessions_user_revoked` ON `sessions` (`user_id`,`revoked_at`);--> statement-breakpoint
CREATE INDEX `sessions_absolute_expires` ON `sessions` (`absolute_expires_at`);--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`kid` text PRIMARY KEY NOT NULL,
	`alg` text NOT NULL,
	`public_jwk` text NOT NULL,
	`private_sealed` blob NOT NULL,
	`created_at` integer NOT NULL,
	`active_from` integer NOT NULL,
	`retire_at` integer,
	`remove_at` integer
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY NOT NULL,
	`openid` text,
	`unionid` text,
	`role` text DEFAULT 'customer' NOT NULL,
	`banned_at` integer,
	`created_at` integer NOT NULL,
	`name` text DEFAULT '' NOT NULL,
	`agent` text DEFAULT '' NOT NULL,
	`avatar` text DEFAULT '' NOT NULL,
	`update_at` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_unionid` ON `users` (`unionid`);