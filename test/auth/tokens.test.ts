import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { type CryptoKey, exportJWK, importJWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { expect, test } from "vitest";
import { keysInUse } from "../../src/auth/key-store.ts";
import { createSeal, deriveKey } from "../../src/auth/seal.ts";
import { settings } from "./settings.ts";
import { openWorld, refused } from "./world.ts";

type Header = { alg: string; typ?: string; kid?: string };

/** A server, one signed-in person, and the server's own key to forge with. */
async function openForge() {
  const world = await openWorld();
  const server = await world.start();
  const pair = await server.auth.sessions.create({
    uid: await server.person(),
    appid: "wx-test",
    device: "",
  });
  const decode = (part = "") => JSON.parse(Buffer.from(part, "base64url").toString());
  const [header, payload] = pair.accessToken.split(".").map((part, at) => (at < 2 ? decode(part) : {}));
  const [row] = await keysInUse(server.store.read, { now: world.clock.now() });
  if (!row) throw new Error("no key");
  const seal = createSeal(world.encryptionKey, "signing keys");
  const jwk = JSON.parse(seal.open(row.privateSealed, `signing key ${row.kid}`).toString());
  const key = (await importJWK(jwk, "EdDSA")) as CryptoKey;
  return {
    world,
    server,
    pair,
    header: header as Header,
    payload: payload as JWTPayload & Record<string, unknown>,
    jwk,
    sign: (claims: JWTPayload, head: Header = header, withKey: CryptoKey | Uint8Array = key) =>
      new SignJWT(claims).setProtectedHeader(head).sign(withKey),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("an access token has the form of RFC 9068", async () => {
  await using forge = await openForge();
  const { header, payload, world, pair } = forge;
  expect(header).toEqual({ alg: "EdDSA", typ: "at+jwt", kid: expect.any(String) });
  const iat = world.clock.now() / 1000;
  expect(payload).toEqual({
    iss: settings.issuer,
    aud: settings.audience,
    sub: String(pair.uid),
    client_id: "wx-test",
    sid: expect.any(String),
    gen: 0,
    iat,
    exp: iat + 3600,
    jti: expect.any(String),
  });
  // The control of the next test: what is forged from these parts is taken.
  expect(await forge.server.auth.authenticate(await forge.sign(payload))).toMatchObject({ uid: pair.uid });
});

test("an access token is refused for its type, algorithm, key, issuer, audience, claims or times", async () => {
  await using forge = await openForge();
  const { header, payload, pair, sign, jwk } = forge;
  const { authenticate } = forge.server.auth;
  const now = forge.world.clock.now() / 1000;
  const other = generateKeyPairSync("ed25519");
  const otherKey = (await importJWK(await exportJWK(other.privateKey), "EdDSA")) as CryptoKey;
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: jwk.x }, format: "jwk" });
  const [head, body, signature = ""] = pair.accessToken.split(".");
  const without = (name: string) =>
    Object.fromEntries(Object.entries(payload).filter(([key]) => key !== name));

  const invalid: Record<string, string> = {
    "wrong typ": await sign(payload, { ...header, typ: "JWT" }),
    "typ of a refresh token": await sign(payload, { ...header, typ: "rt+jwt" }),
    "no typ": await sign(payload, { alg: "EdDSA", kid: header.kid }),
    "a refresh token": pair.refreshToken,
    "alg none": new UnsecuredJWT(payload).encode(),
    "alg none with our kid": `${Buffer.from(JSON.stringify({ ...header, alg: "none" })).toString("base64url")}.${body}.`,
    "another key": await sign(payload, header, otherKey),
    "unknown kid": await sign(payload, { ...header, kid: "x" }),
    "no kid": await sign(payload, { alg: "EdDSA", typ: "at+jwt" }),
    "wrong iss": await sign({ ...payload, iss: "https://evil.test" }),
    "wrong aud": await sign({ ...payload, aud: "https://other.test" }),
    "not yet valid": await sign({ ...payload, nbf: now + 60 }),
    "other sub": await sign({ ...payload, sub: "12345" }),
    "sub of an app with a sid": await sign({ ...payload, sub: "sandbox-operator", role: "operator" }),
    "unknown sid": await sign({ ...payload, sid: "unknown" }),
    "signature cut": `${head}.${body}.${signature.slice(0, -2)}`,
    "body of another": `${head}.${Buffer.from(JSON.stringify({ ...payload, sub: "1" })).toString("base64url")}.${signature}`,
    empty: "",
    noise: "a.b.c",
    long: `${pair.accessToken}${"A".repeat(2048)}`,
  };
  const secrets = {
    PEM: publicKey.export({ type: "spki", format: "pem" }),
    DER: publicKey.export({ type: "spki", format: "der" }),
    raw: Buffer.from(jwk.x, "base64url"),
  };
  for (const [form, secret] of Object.entries(secrets)) {
    invalid[`HS256 with the public key (${form})`] = await sign(
      payload,
      { ...header, alg: "HS256" },
      Buffer.from(secret),
    );
  }
  for (const name of ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "sid", "gen"]) {
    invalid[`without ${name}`] = await sign(without(name));
  }
  for (const [what, token] of Object.entries(invalid)) {
    // Twice: a failure is not remembered, and no success either.
    for (let i = 0; i < 2; i++) {
      await refused(() => authenticate(token), "TOKEN_INVALID", what);
    }
  }
  await refused(async () => authenticate(await sign({ ...payload, exp: now - 1 })), "TOKEN_EXPIRED");
  expect(await authenticate(pair.accessToken)).toMatchObject({ uid: pair.uid });
});

test("a refresh token is refused for its type, algorithm, key, issuer, audience or time", async () => {
  await using forge = await openForge();
  const { pair, payload, sign, world } = forge;
  const { renew } = forge.server.auth.sessions;
  const [head, body] = pair.refreshToken.split(".");
  const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString());
  const header = { alg: "HS256", typ: "rt+jwt" };
  expect(JSON.parse(Buffer.from(head ?? "", "base64url").toString())).toEqual(header);
  expect(claims).toEqual({
    iss: settings.issuer,
    aud: settings.audience,
    sid: payload.sid,
    gen: 0,
    exp: world.clock.now() / 1000 + settings.refreshMax,
  });
  const key = randomBytes(32);
  const own = deriveKey(world.encryptionKey, "refresh tokens");
  expect(await sign(claims, header, own)).toBe(pair.refreshToken);
  const invalid: Record<string, string> = {
    "an access token": pair.accessToken,
    "an access token's key": await sign(claims, { ...forge.header, typ: "rt+jwt" }),
    "another key": await sign(claims, header, key),
    "the encryption key": await sign(claims, header, world.encryptionKey),
    "alg none": new UnsecuredJWT(claims).encode(),
    "wrong typ": await sign(claims, { ...header, typ: "at+jwt" }, own),
    "no typ": await sign(claims, { alg: "HS256" }, own),
    "wrong iss": await sign({ ...claims, iss: "https://evil.test" }, header, own),
    "wrong aud": await sign({ ...claims, aud: "https://other.test" }, header, own),
    "not yet valid": await sign({ ...claims, nbf: claims.exp - 1 }, header, own),
    "without exp": await sign({ ...claims, exp: undefined }, header, own),
    "without gen": await sign({ ...claims, gen: undefined }, header, own),
    "unknown sid": await sign({ ...claims, sid: "unknown" }, header, own),
    noise: "a.b.c",
    long: `${pair.refreshToken}${"A".repeat(2048)}`,
  };
  for (const [what, token] of Object.entries(invalid)) {
    await refused(() => renew(token), "REFRESH_TOKEN_INVALID", what);
  }
  // None of that has touched the session.
  const renewed = await renew(pair.refreshToken);
  world.clock.pass(settings.refreshMax * 1000);
  await refused(() => renew(renewed.refreshToken), "REFRESH_TOKEN_EXPIRED");
});

test("a dump of the database mints nothing", async () => {
  await using forge = await openForge();
  const { server, pair, header, payload, sign, jwk } = forge;
  const { db, t } = server.store.read;
  const dump = {
    keys: await db.select().from(t.signingKeys),
    secrets: await db.select().from(t.secrets),
    sessions: await db.select().from(t.sessions),
  };
  const text = JSON.stringify(dump, (_, value) =>
    value?.type === "Buffer" ? Buffer.from(value.data).toString("latin1") : value,
  );
  for (const secret of [jwk.d, pair.refreshToken, pair.refreshToken.split(".")[2], pair.accessToken]) {
    expect(text).not.toContain(secret);
  }
  // Every stored value, taken for a key.
  const { sid } = dump.sessions[0] ?? {};
  const refreshClaims = JSON.parse(
    Buffer.from(pair.refreshToken.split(".")[1] ?? "", "base64url").toString(),
  );
  const values = Object.values(dump)
    .flat()
    .flatMap((row) => Object.values(row));
  const keys = values.flatMap((value) =>
    value instanceof Uint8Array ? [value, value.subarray(29)] : [Buffer.from(String(value))],
  );
  expect(sid).toBe(refreshClaims.sid);
  for (const key of keys.filter(({ length }) => length > 0)) {
    const refresh = await sign(refreshClaims, { alg: "HS256", typ: "rt+jwt" }, key);
    await refused(() => server.auth.sessions.renew(refresh), "REFRESH_TOKEN_INVALID");
    const access = await sign(payload, { ...header, alg: "HS256" }, key);
    await refused(() => server.auth.authenticate(access), "TOKEN_INVALID");
  }
  const [{ privateSealed, kid } = { privateSealed: new Uint8Array(), kid: "" }] = dump.keys;
  const guess = createSeal(randomBytes(32), "signing keys");
  expect(() => guess.open(privateSealed, `signing key ${kid}`)).toThrow("altered");
});
