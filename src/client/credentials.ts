import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Reason } from "./errors.ts";
import { isLater, type KeyValue } from "./platform.ts";

/** What a person is signed in with on this device. Replaced as a whole, but for the attempt. */
export interface Credentials {
  readonly uid: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** How long the access token is good from `askedAt` on (ms); 0 when nobody knows. */
  readonly lifetimeMs: number;
  /** By the device's clock (ms): only what passed since counts, not how late it is. */
  readonly askedAt: number;
  /** Under which the refresh token was sent, or is going to be. */
  attemptId?: string;
}

interface TokenAnswer {
  accessToken: string;
  refreshToken: string;
  /** Unix seconds, by the server's clock. A text where there is no BigInt. */
  expiry: bigint | string;
}

/**
 * The credentials of an answer that was asked for at that time.
 * @throws ConnectError INTERNAL for an answer that has none
 */
export function credentialsOf(answer: TokenAnswer, uid: string, askedAt: number): Credentials {
  const { accessToken, refreshToken, expiry } = answer;
  if (!accessToken || !refreshToken || !uid)
    throw new ConnectError("the answer has no tokens", Code.Internal);
  const issuedAt = issuedAtOf(accessToken);
  const lifetimeMs = issuedAt === undefined ? 0 : Math.max(0, (Number(expiry) - issuedAt) * 1000);
  return { uid, accessToken, refreshToken, lifetimeMs, askedAt };
}

/** When the token was made, by the server's clock (unix s): the claim `iat` (RFC 7519, 4.1.6). */
function issuedAtOf(token: string): number | undefined {
  try {
    const bytes = base64Decode(token.split(".")[1] ?? "");
    // The claims that matter are ASCII; others may come out wrong here.
    const { iat } = JSON.parse(String.fromCharCode(...bytes));
    return typeof iat === "number" ? iat : undefined;
  } catch {
    return undefined;
  }
}

/** Renewed so long before its end (ms), or for the last tenth of a short life. */
const AHEAD_MS = 60_000;

/**
 * How an access token stands: `good`; `ending`, still good but to be renewed; `over`. A clock that
 * was set back makes it look good: then the server's refusal tells.
 */
export function freshness({ lifetimeMs, askedAt }: Credentials, now: number): "good" | "ending" | "over" {
  const age = now - askedAt;
  if (lifetimeMs === 0 || age < lifetimeMs - Math.min(AHEAD_MS, lifetimeMs / 10)) return "good";
  return age < lifetimeMs ? "ending" : "over";
}

/** What lies in storage. `serial` grows with every change, so that tabs can tell which is newer. */
export interface Entry {
  serial: number;
  credentials?: Credentials | undefined;
  /** Why there are none any more. */
  reason?: Reason | undefined;
}

/** The one place in storage where the credentials for a server lie. */
export interface Shelf {
  /** At once where storage answers at once. What can't be read counts as nothing. */
  read(): Entry | undefined | Promise<Entry | undefined>;
  /** Never rejects: what can't be kept lasts until the program ends. */
  write(entry: Entry): Promise<void>;
}

export function createShelf(storage: KeyValue, baseUrl: string): Shelf {
  const key = `liveuser ${baseUrl}`;
  return {
    read() {
      try {
        const found = storage.get(key);
        return isLater(found) ? found.then(parse, () => undefined) : parse(found);
      } catch {
        return undefined;
      }
    },
    async write(entry) {
      const text = JSON.stringify(entry);
      try {
        await storage.set(key, text);
      } catch {
        try {
          // An old refresh token would end the session when it is used after the next start. Without it
          // there may be room, too.
          await storage.remove(key);
          await storage.set(key, text);
        } catch {
          // Kept in memory alone.
        }
      }
    },
  };
}

function parse(text: string | undefined): Entry | undefined {
  try {
    const { serial, credentials, reason } = JSON.parse(text ?? "");
    if (typeof serial !== "number") return undefined;
    return { serial, credentials: isCredentials(credentials) ? credentials : undefined, reason };
  } catch {
    return undefined;
  }
}

function isCredentials(value: unknown): value is Credentials {
  if (typeof value !== "object" || !value) return false;
  const { uid, accessToken, refreshToken, lifetimeMs, askedAt, attemptId } = value as Credentials;
  const texts = [uid, accessToken, refreshToken, attemptId ?? "-"];
  return (
    texts.every((text) => typeof text === "string" && text !== "") &&
    [lifetimeMs, askedAt].every((ms) => typeof ms === "number")
  );
}
