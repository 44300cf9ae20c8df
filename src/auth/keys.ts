import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import type { Store } from "../storage/store.ts";
import {
  countKeys,
  deleteKeysRemovedBefore,
  insertKey,
  type KeyRow,
  keysInUse,
  retireKeys,
} from "./key-store.ts";
import type { Seal } from "./seal.ts";

/** The one algorithm of access tokens: Ed25519 (RFC 8037). */
export const ALGORITHM = "EdDSA";

/** How often a process looks for new keys. */
const RELOAD_MS = 4_000;
/** How long a new key is only published: every process has loaded it before the first token comes. */
const PUBLISH_MS = 10_000;
/** How much longer than its last token a key stays: for clocks that differ, and for a late reload. */
const MARGIN_MS = 60_000;
/** A token with an unknown key id makes the ring look for it, but not more often than this. */
const LOOK_MS = 1_000;

export interface KeyDeps {
  store: Store;
  /** For the private keys. */
  seal: Seal;
  clock: { now(): number };
  /** Told when a reload in the background failed; the ring goes on with the keys it has. */
  onError?: ((error: unknown) => void) | undefined;
}

export interface SigningKey {
  kid: string;
  privateKey: CryptoKey;
}

/** The signing keys of the deployment, as this process knows them. */
export interface KeyRing {
  /** The oldest key that has not retired; the same in every process. */
  signingKey(): SigningKey;
  has(kid: string): boolean;
  /** The public key; looks into the database for one that it does not know. Throws UNAVAILABLE. */
  publicKey(kid: string): Promise<CryptoKey | undefined>;
  /** The public keys for other verifiers (RFC 7517), the next and the retired ones among them. */
  jwks(): { keys: JWK[] };
  /** Looks into the database now. */
  reload(): Promise<void>;
  close(): void;
}

/** A key as an operator sees it; times in unix ms. */
export interface KeyInfo {
  kid: string;
  state: "signing" | "next" | "retired";
  createdAt: number;
  activeFrom: number;
  /** From then on it signs nothing. */
  retireAt: number | null;
  /** From then on the key set no longer shows it, and its tokens are refused. */
  removeAt: number | null;
}

interface LoadedKey extends SigningKey {
  publicKey: CryptoKey;
  jwk: JWK;
  retireAt: number | null;
}

/**
 * Loads the keys, and makes the first one if there is none. Two processes that start at once may make
 * two: the older one signs in both. Throws if a key does not open, or if none is left to sign with.
 */
export async function openKeyRing(deps: KeyDeps, { reloadMs = RELOAD_MS } = {}): Promise<KeyRing> {
  const { store, seal, clock, onError } = deps;
  let keys = new Map<string, LoadedKey>();
  let loading: Promise<void> | undefined;
  let loadedAt = 0;

  async function load(): Promise<void> {
    const next = new Map<string, LoadedKey>();
    for (const row of await keysInUse(store.read, { now: clock.now() })) {
      const known = keys.get(row.kid) ?? (await openKey(seal, row));
      next.set(row.kid, { ...known, retireAt: row.retireAt });
    }
    keys = next;
  }

  function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined;
      loadedAt = performance.now();
    });
    return loading;
  }

  function signingKey(): SigningKey {
    const now = clock.now();
    for (const key of keys.values()) if (key.retireAt === null || key.retireAt > now) return key;
    throw new Error("there is no key to sign tokens with");
  }

  if ((await countKeys(store.read)) === 0) await addFirstKey(deps);
  await reload();
  signingKey();
  const timer = setInterval(() => reload().catch((error) => onError?.(error)), reloadMs).unref();

  return {
    signingKey,
    has: (kid) => keys.has(kid),
    async publicKey(kid) {
      if (!keys.has(kid) && (loading || performance.now() - loadedAt >= LOOK_MS)) await reload();
      return keys.get(kid)?.publicKey;
    },
    jwks: () => ({ keys: [...keys.values()].map(({ jwk }) => jwk) }),
    reload,
    close: () => clearInterval(timer),
  };
}

/**
 * Makes a new key. It is published at once and signs from `publishMs` on, when every process has loaded
 * it; the keys before it retire at that moment, and leave the key set once the last token they signed has
 * run out (`longestTokenMs` and a margin).
 */
export async function rotateKeys(
  { store, seal, clock }: KeyDeps,
  { longestTokenMs, publishMs = PUBLISH_MS }: { longestTokenMs: number; publishMs?: number },
): Promise<KeyInfo[]> {
  const now = clock.now();
  const activeFrom = now + publishMs;
  const key = await newKey(seal, { now, activeFrom });
  await store.tx(async (tx) => {
    await retireKeys(tx, { retireAt: activeFrom, removeAt: activeFrom + longestTokenMs + MARGIN_MS });
    await deleteKeysRemovedBefore(tx, now - MARGIN_MS);
    await insertKey(tx, key);
  });
  return listKeys({ store, clock });
}

/** The keys that the key set shows, the oldest first. */
export async function listKeys({ store, clock }: Pick<KeyDeps, "store" | "clock">): Promise<KeyInfo[]> {
  const now = clock.now();
  const rows = await keysInUse(store.read, { now });
  const signing = rows.find(({ retireAt }) => retireAt === null || retireAt > now);
  return rows.map(({ kid, createdAt, activeFrom, retireAt, removeAt }) => {
    const state =
      kid === signing?.kid ? "signing" : retireAt !== null && retireAt <= now ? "retired" : "next";
    return { kid, state, createdAt, activeFrom, retireAt, removeAt };
  });
}

async function addFirstKey({ store, seal, clock }: KeyDeps): Promise<void> {
  const now = clock.now();
  const key = await newKey(seal, { now, activeFrom: now });
  await store.tx(async (tx) => {
    if ((await countKeys(tx)) === 0) await insertKey(tx, key);
  });
}

/** The whole key is sealed under its id, which is its thumbprint (RFC 7638). */
async function newKey(seal: Seal, times: { now: number; activeFrom: number }): Promise<KeyRow> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    kid,
    alg: ALGORITHM,
    publicJwk: JSON.stringify(publicJwk(kid, jwk)),
    privateSealed: seal.seal(Buffer.from(JSON.stringify(jwk)), sealName(kid)),
    createdAt: times.now,
    activeFrom: times.activeFrom,
  };
}

/**
 * The public key too is taken from the sealed bytes, so that who can only write to the database cannot
 * have the server trust a key of theirs.
 */
async function openKey(seal: Seal, row: { kid: string; privateSealed: Uint8Array }): Promise<LoadedKey> {
  const jwk = JSON.parse(seal.open(row.privateSealed, sealName(row.kid)).toString()) as JWK;
  const shown = publicJwk(row.kid, jwk);
  const [privateKey, publicKey] = await Promise.all([importJWK(jwk, ALGORITHM), importJWK(shown, ALGORITHM)]);
  return {
    kid: row.kid,
    privateKey: privateKey as CryptoKey,
    publicKey: publicKey as CryptoKey,
    jwk: shown,
    retireAt: null,
  };
}

function publicJwk(kid: string, { kty, crv, x }: JWK): JWK {
  return { kty, crv, x, kid, alg: ALGORITHM, use: "sig" } as JWK;
}

function sealName(kid: string): string {
  return `signing key ${kid}`;
}
