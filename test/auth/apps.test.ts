import { expect, test } from "vitest";
import { shanghaiDay } from "../../src/auth/apps.ts";
import { databases } from "../databases.ts";
import { claims, HOUR, openWorld, refused, SECOND } from "./world.ts";

for (const database of databases) {
  test(`a machine identity gets a token for its secret alone (${database})`, async () => {
    await using world = await openWorld(database);
    const { auth, store } = await world.start();
    const { secret } = await auth.apps.create({ appid: "kiosk", role: "device", quotaPerDay: 100 });
    const { accessToken, expiresIn, expiry } = await auth.apps.issueToken("kiosk", secret);
    expect({ expiresIn, expiry }).toEqual({ expiresIn: 7200, expiry: world.clock.now() / 1000 + 7200 });
    expect(await auth.authenticate(accessToken)).toEqual({ kind: "app", appid: "kiosk", role: "device" });
    expect(claims(accessToken)).toMatchObject({ sub: "kiosk", client_id: "kiosk", role: "device" });
    const rows = await store.read.db.select().from(store.read.t.apps);
    expect(JSON.stringify(rows)).not.toContain(secret);
    for (const [appid, guess] of [
      ["kiosk", `${secret}x`],
      ["kiosk", ""],
      ["nobody", secret],
      ["kiosk", rows[0]?.secretHash ?? ""],
    ] as const) {
      await refused(() => auth.apps.issueToken(appid, guess), "APP_CREDENTIALS_INVALID");
    }
    await refused(
      () => auth.apps.create({ appid: "kiosk", role: "operator", quotaPerDay: 1 }),
      "INVALID_REQUEST",
    );
    expect(await auth.apps.issueToken("kiosk", secret)).toMatchObject({ expiresIn: 7200 });
  });

  test(`the quota of a day holds for all processes, and begins anew at midnight in Shanghai (${database})`, async () => {
    await using world = await openWorld(database);
    const [one, two] = [await world.start(), await world.start()];
    const { secret } = await one.auth.apps.create({ appid: "p", role: "partner", quotaPerDay: 5 });
    // 2026-07-01T00:00Z is 08:00 in Shanghai.
    world.clock.pass(15 * HOUR);
    const asked = await Promise.allSettled(
      [one, two].flatMap(({ auth }) => [1, 2, 3, 4].map(() => auth.apps.issueToken("p", secret))),
    );
    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    const { retryAfterMs } = await refused(() => one.auth.apps.issueToken("p", secret), "APP_QUOTA_EXCEEDED");
    expect(retryAfterMs).toBe(HOUR);
    // A wrong secret learns nothing about the quota.
    await refused(() => one.auth.apps.issueToken("p", "x"), "APP_CREDENTIALS_INVALID");
    world.clock.pass(HOUR - 1);
    await refused(() => two.auth.apps.issueToken("p", secret), "APP_QUOTA_EXCEEDED");
    world.clock.pass(1);
    expect(await two.auth.apps.issueToken("p", secret)).toMatchObject({ expiresIn: 7200 });
  });

  test(`a disabled machine identity is refused at once here and within 5 s elsewhere (${database})`, async () => {
    await using world = await openWorld(database);
    const [here, there] = [await world.start(), await world.start()];
    const { secret } = await here.auth.apps.create({ appid: "s", role: "service", quotaPerDay: 5 });
    const { accessToken } = await here.auth.apps.issueToken("s", secret);
    for (const { auth } of [here, there]) await auth.authenticate(accessToken);
    expect(await here.auth.apps.disable("s")).toBe(true);
    await refused(() => here.auth.authenticate(accessToken), "TOKEN_INVALID");
    await refused(() => here.auth.apps.issueToken("s", secret), "APP_CREDENTIALS_INVALID");
    world.clock.pass(5 * SECOND);
    await refused(() => there.auth.authenticate(accessToken), "TOKEN_INVALID");
    expect(await here.auth.apps.disable("s")).toBe(false);
  });
}

test("the sandbox's machine identities exist in the sandbox alone, also on the same database", async () => {
  await using world = await openWorld();
  const sandbox = await world.start();
  await sandbox.auth.apps.seedSandbox();
  await sandbox.auth.apps.seedSandbox();
  const tokens: string[] = [];
  for (const role of ["service", "operator", "device", "partner"]) {
    const { accessToken } = await sandbox.auth.apps.issueToken(`sandbox-${role}`, "sandbox");
    expect(await sandbox.auth.authenticate(accessToken)).toEqual({
      kind: "app",
      appid: `sandbox-${role}`,
      role,
    });
    tokens.push(accessToken);
  }
  const earnest = await world.start({ sandbox: false });
  await refused(() => earnest.auth.apps.issueToken("sandbox-operator", "sandbox"), "APP_CREDENTIALS_INVALID");
  for (const token of tokens) await refused(() => earnest.auth.authenticate(token), "TOKEN_INVALID");
  await expect(earnest.auth.apps.seedSandbox()).rejects.toThrow("for the sandbox only");
  await refused(
    () => earnest.auth.apps.create({ appid: "sandbox-x", role: "device", quotaPerDay: 1 }),
    "INVALID_REQUEST",
  );
});

test("a day in Shanghai ends at 16:00 UTC", () => {
  expect(shanghaiDay(Date.UTC(2026, 6, 1, 15, 59, 59, 999))).toEqual({
    name: "2026-07-01",
    endsAt: Date.UTC(2026, 6, 1, 16),
  });
  expect(shanghaiDay(Date.UTC(2026, 6, 1, 16))).toEqual({
    name: "2026-07-02",
    endsAt: Date.UTC(2026, 6, 2, 16),
  });
});
