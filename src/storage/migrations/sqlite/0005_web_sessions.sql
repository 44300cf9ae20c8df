CREATE TABLE `web_logins` (
	`state_hash` blob PRIMARY KEY NOT NULL,
	`holder_hash` blob NOT NULL,
	`target` text NOT NULL,
	`expires_at` integer NOT NULL,
	`claimed_at` integer,
	`done_at` integer,
	`code_hash` blob,
	`cookie_hash` blob
);
--> statement-breakpoint
CREATE INDEX `web_logins_expires` ON `web_logins` (`expires_at`);--> statement-breakpoint
CREATE INDEX `web_logins_holder` ON `web_logins` (`holder_hash`);--> statement-breakpoint
ALTER TABLE `sessions` ADD `cookie_hash` blob;--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_cookie` ON `sessions` (`cookie_hash`);