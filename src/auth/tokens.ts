import { randomUUID } from "node:crypto";
import { type CryptoKey, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { AppError } from "../errors.ts";
import { ALGORITHM, type KeyRing } from "./keys.ts";
import type { TokenSource } from "./store.ts";

/** How far the clocks of two servers may be apart (s). */
export const SKEW = 1;

const ACCESS = "at+jwt";
const REFRESH = "rt+jwt";
/** Longer than any token of ours: what is longer is refused unread. */
const LONGEST = 2048;

export interface TokenSettings {
  /** Who makes the tokens, and for whom: the server's address. */
  issuer: string;
  audience: string;
}

/** What an access token says, once its signature, form and times are checked. */
export type AccessClaims = {
  kid: string;
  /** Unix seconds. */
  exp: number;
  /** Unix seconds; 0 if it says nothing. */
  nbf: number;
} & ({ kind: "user"; uid: number; sid: string; generation: number } | { kind: "app"; appid: string });

/** Whom an access token is made for. */
export type Subject =
  | { kind: "user"; uid: number; sid: string; generation: number; appid: string }
  | { kind: "app"; appid: string; role: string };

interface AccessDeps {
  keys: KeyRing;
  clock: { now(): number };
  settings: TokenSettings;
}

/** Access tokens in the profile of RFC 9068, signed with the key ring's current key. */
export function accessTokens({ keys, clock, settings: { issuer, audience } }: AccessDeps) {
  return {
    /** A token good from now until `exp` (unix seconds). */
    async sign(subject: Subject, exp: number): Promise<string> {
      const { kid, privateKey } = keys.signingKey();
      const claims =
        subject.kind === "user"
          ? {
              sub: String(subject.uid),
              client_id: subject.appid,
              sid: subject.sid,
              gen: subject.generation,
            }
          : { sub: subject.appid, client_id: subject.appid, role: subject.role };
      return new SignJWT({
        iss: issuer,
        aud: audience,
        ...claims,
        iat: Math.floor(clock.now() / 1000),
        exp,
        jti: randomUUID(),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: ACCESS, kid })
        .sign(privateKey);
    },

    /** Throws TOKEN_INVALID, TOKEN_EXPIRED, or UNAVAILABLE when an unknown key could not be looked up. */
    async verify(token: string): Promise<AccessClaims> {
      if (token.length > LONGEST) throw new AppError("TOKEN_INVALID");
      let kid = "";
      try {
        const { payload } = await jwtVerify(
          token,
          async (header) => {
            kid = header.kid ?? "";
            const key = await keys.publicKey(kid);
            if (!key) throw new errors.JWKSNoMatchingKey();
            return key;
          },
          {
            algorithms: [ALGORITHM],
            typ: ACCESS,
            issuer,
            audience,
            clockTolerance: SKEW,
            currentDate: new Date(clock.now()),
            requiredClaims: ["sub", "client_id", "iat", "exp", "jti"],
          },
        );
        return accessClaims(kid, payload);
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw new AppError("TOKEN_EXPIRED");
        if (error instanceof errors.JOSEError) throw new AppError("TOKEN_INVALID", {}, { cause: error });
        throw error;
      }
    },
  };
}

function accessClaims(kid: string, payload: JWTPayload): AccessClaims {
  const { sub = "", exp = 0, nbf = 0, sid, gen, role } = payload;
  if (typeof sid === "string" && Number.isSafeInteger(gen) && /^[1-9]\d{0,15}$/.test(sub)) {
    return { kind: "user", kid, exp, nbf, uid: Number(sub), sid, generation: gen as number };
  }
  if (sid === undefined && typeof role === "string") return { kind: "app", kid, exp, nbf, appid: sub };
  throw new AppError("TOKEN_INVALID");
}

/** Which token of which session a refresh token is. */
export interface RefreshClaims {
  sid: string;
  generation: number;
}

interface RefreshDeps {
  /** HMAC with SHA-256. */
  key: CryptoKey;
  clock: { now(): number };
  settings: TokenSettings;
}

/**
 * Refresh tokens. One of the same session and generation is always the same text, so it is never stored
 * and can be given again: it names no time but the session's end.
 */
export function refreshTokens({ key, clock, settings: { issuer, audience } }: RefreshDeps) {
  return {
    async sign({ sid, generation, absoluteExpiresAt }: TokenSource): Promise<string> {
      const exp = Math.floor(absoluteExpiresAt / 1000);
      return new SignJWT({ iss: issuer, aud: audience, sid, gen: generation, exp })
        .setProtectedHeader({ alg: "HS256", typ: REFRESH })
        .sign(key);
    },

    /** Throws REFRESH_TOKEN_INVALID or REFRESH_TOKEN_EXPIRED. */
    async verify(token: string): Promise<RefreshClaims> {
      if (token.length > LONGEST) throw new AppError("REFRESH_TOKEN_INVALID");
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ["HS256"],
          typ: REFRESH,
          issuer,
          audience,
          currentDate: new Date(clock.now()),
          requiredClaims: ["exp"],
        });
        const { sid, gen } = payload;
        if (typeof sid === "string" && Number.isSafeInteger(gen)) return { sid, generation: gen as number };
        throw new AppError("REFRESH_TOKEN_INVALID");
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw new AppError("REFRESH_TOKEN_EXPIRED");
        if (error instanceof errors.JOSEError)
          throw new AppError("REFRESH_TOKEN_INVALID", {}, { cause: error });
        throw error;
      }
    },
  };
}

export type AccessTokens = ReturnType<typeof accessTokens>;
export type RefreshTokens = ReturnType<typeof refreshTokens>;
