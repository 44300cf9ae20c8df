import type { CryptoKey } from "jose";
import type { Store } from "../storage/store.ts";
import { deleteCountsBefore } from "./app-store.ts";
import { APP_TOKEN_TTL, type Apps, admitsApp, apps, DAY_MS, shanghaiDay } from "./apps.ts";
import { type Authenticator, authenticator } from "./authenticate.ts";
import { insertSecret, secretByName } from "./key-store.ts";
import { type KeyInfo, type KeyRing, listKeys, openKeyRing, rotateKeys } from "./keys.ts";
import { createSeal, deriveKey } from "./seal.ts";
import { type SessionSettings, type Sessions, sessions } from "./sessions.ts";
import { deleteEndedSessions } from "./store.ts";
import { accessTokens, refreshTokens, type TokenSettings } from "./tokens.ts";
import { deleteLogins } from "./web-session-store.ts";
import { type WebSessions, webSessions } from "./web-sessions.ts";

const CHECK = "encryption key check";

export interface AuthSettings extends SessionSettings, TokenSettings {
  sandbox: boolean;
}

export interface AuthDeps {
  store: Store;
  clock: { now(): number };
  ids: { next(): number };
  /** 32 bytes, kept outside the database (`loadEncryptionKey`). */
  encryptionKey: Uint8Array;
  settings: AuthSettings;
  /** Told of failures in the background, none of which failed a call. */
  onError?: ((error: unknown) => void) | undefined;
}

/** Everything about who calls. */
export interface Auth {
  authenticate: Authenticator["authenticate"];
  sessions: Sessions;
  webSessions: WebSessions;
  apps: Apps;
  /** The public keys, for `/.well-known/jwks.json`. */
  jwks: KeyRing["jwks"];
  /** Deletes what is over: sessions and sign-ins of browsers a day past their end, counters of days past. To be called now and then. */
  cleanUp(): Promise<void>;
  /** Ends the work in the background; the store is the caller's to close, after this. */
  close(): Promise<void>;
}

/**
 * Opens the key ring, and makes the first key at the first start. Throws an error of one line if the
 * encryption key is not the one that the database was sealed with, or if there is no key to sign with.
 */
export async function openAuth(deps: AuthDeps): Promise<Auth> {
  const { store, clock, ids, settings, encryptionKey, onError } = deps;
  const keyDeps = await keyDepsOf(deps);
  const refreshKey = await hmacKey(deriveKey(encryptionKey, "refresh tokens"));
  const keys = await openKeyRing(keyDeps);
  const access = accessTokens({ keys, clock, settings });
  const refresh = refreshTokens({ key: refreshKey, clock, settings });
  const { authenticate, forget, settled } = authenticator({
    store,
    keys,
    clock,
    tokens: access,
    admitsApp: admitsApp(settings.sandbox),
    onError,
  });
  const people = sessions({
    store,
    clock,
    ids,
    accessTokens: access,
    refreshTokens: refresh,
    settings,
    forget,
  });
  const web = webSessions({
    store,
    clock,
    ids,
    sessions: people,
    key: deriveKey(encryptionKey, "web sessions"),
    settings,
    forget,
    onError,
  });
  return {
    authenticate,
    sessions: people,
    webSessions: web,
    apps: apps({ store, clock, ids, accessTokens: access, sandbox: settings.sandbox, forget }),
    jwks: keys.jwks,
    async cleanUp() {
      const now = clock.now();
      await store.tx((tx) => deleteCountsBefore(tx, shanghaiDay(now).name));
      // Refresh tokens name the absolute end themselves, so a session that is gone changes no answer.
      const batch = { before: now - DAY_MS, limit: 500 };
      while ((await store.tx((tx) => deleteEndedSessions(tx, batch))) === batch.limit);
      while ((await store.tx((tx) => deleteLogins(tx, batch))) === batch.limit);
    },
    async close() {
      keys.close();
      await Promise.all([settled(), web.settled()]);
    },
  };
}

/** What an operator does with the signing keys; for a program of its own, beside running servers. */
export async function openKeyAdmin(deps: Omit<AuthDeps, "settings" | "ids"> & { accessTtl: number }) {
  const keyDeps = await keyDepsOf(deps);
  const longestTokenMs = Math.max(deps.accessTtl, APP_TOKEN_TTL) * 1000;
  return {
    list: (): Promise<KeyInfo[]> => listKeys(keyDeps),
    /** Publishes a new key, which signs from 10 s later on; gives all keys. */
    rotate: (): Promise<KeyInfo[]> => rotateKeys(keyDeps, { longestTokenMs }),
  };
}

async function keyDepsOf({ store, clock, encryptionKey, onError }: Omit<AuthDeps, "settings" | "ids">) {
  await checkEncryptionKey({ store, clock, encryptionKey });
  return { store, clock, onError, seal: createSeal(encryptionKey, "signing keys") };
}

/** The first start seals a known text, every later one has to be able to read it. */
async function checkEncryptionKey({
  store,
  clock,
  encryptionKey,
}: Pick<AuthDeps, "store" | "clock" | "encryptionKey">): Promise<void> {
  const seal = createSeal(encryptionKey, CHECK);
  let sealed = await secretByName(store.read, CHECK);
  if (!sealed) {
    const mine = { name: CHECK, sealed: seal.seal(Buffer.from(CHECK), CHECK), createdAt: clock.now() };
    await store.tx((tx) => insertSecret(tx, mine));
    // Another process may have been faster, with another key.
    sealed = (await secretByName(store.read, CHECK)) ?? mine.sealed;
  }
  try {
    seal.open(sealed, CHECK);
  } catch (cause) {
    throw new Error("ENCRYPTION_KEY: not the key that this database was encrypted with", { cause });
  }
}

function hmacKey(bytes: Buffer<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}
