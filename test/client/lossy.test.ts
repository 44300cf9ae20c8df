import { beforeAll, expect, test } from "vitest";
import { bundleForDevices } from "../../scripts/client/bundle.ts";
import * as client from "../../src/client/index.ts";
import { startApp } from "../app.ts";
import { lossyLine } from "../lossy-line.ts";
import { createDevice } from "./device.ts";

// `LOSSY_CLIENT=200x20x1000` runs the full measure: sessions x renewals x delay (ms).
const [sessions = 10, renewals = 3, delayMs = 5] = (process.env.LOSSY_CLIENT ?? "")
  .split("x")
  .filter(Boolean)
  .map(Number);

/** How long an access token lasts (s): long enough to arrive and be used. */
const lifetime = Math.max(1, Math.ceil((delayMs * 8) / 1000));
/** How many calls are made at once when it has run out. */
const atOnce = 4;

let bundle: string;
beforeAll(async () => {
  bundle = await bundleForDevices('export * from "./index.ts";');
});

test("on a bad line the client signs nobody out and makes nobody sign in again", async () => {
  const secrets = new Set<string>();
  const log: string[] = [];
  await using app = await startApp({
    environment: { ACCESS_TOKEN_TTL: `${lifetime}`, LOG_LEVEL: "debug" },
    log: { write: (line) => void log.push(line) },
  });
  using line = await lossyLine(app.url, {
    delayMs,
    requests: 0.15,
    answers: 0.5,
    losses: ["closed", "reset"],
  });
  const signedOut: string[] = [];
  const onSignedOut = (reason: string) => void signedOut.push(reason);

  /** What tokens and attempts a body holds. */
  function learn(body: unknown): void {
    const found = String(body).matchAll(/"(?:(?:access|refresh)_?token|attempt_?id)":"([^"]+)"/gi);
    for (const [, secret] of found) secrets.add(secret as string);
  }

  /** A page in a browser; by turns its clock is right, stands still, or is set an hour to and fro. */
  async function page(n: number) {
    const storage = new Map<string, string>();
    const clocks = [() => Date.now(), () => 0, () => Date.now() + (Math.random() < 0.5 ? 3_600_000 : 0)];
    const platform = {
      ...client.web({
        signIn: "mini",
        storage: {
          getItem: (key) => storage.get(key) ?? null,
          setItem: (key, value) => {
            learn(value);
            storage.set(key, value);
          },
          removeItem: (key) => void storage.delete(key),
        },
      }),
      now: clocks[n % clocks.length] as () => number,
    };
    const session = client.createSession({ baseUrl: line.url, platform, onSignedOut });
    await session.signIn(`dev:person-${n}`);
    return { session, user: session.client(client.User), logins: () => 1 };
  }

  /** A mini-program on a phone. */
  async function phone(n: number) {
    const device = createDevice(bundle, { code: () => `dev:person-${n}` });
    const onDevice = device.start();
    const platform = onDevice.miniProgram();
    const session = onDevice.createSession({ baseUrl: line.url, platform, onSignedOut });
    await session.signIn();
    device.before = ({ body }) => learn(body) as undefined;
    const user = session.client(onDevice.User);
    return { session, user, logins: () => device.logins, stored: () => [...device.storage.values()] };
  }

  line.lossy = false;
  const callers = await Promise.all(
    Array.from({ length: sessions }, async (_, n) => {
      const caller = await (n % 2 ? phone(n) : page(n));
      return { ...caller, uid: (await caller.user.get({})).user?.uid };
    }),
  );
  line.lossy = true;

  async function generations(): Promise<Map<number, number>> {
    const { db, t } = app.app.store.read;
    const rows = await db.select().from(t.sessions);
    return new Map(rows.map((row) => [Number(row.userId), row.generation]));
  }

  await Promise.all(
    callers.map(async ({ user, uid }) => {
      const done = async () => ((await generations()).get(Number(uid)) ?? 0) >= renewals;
      while (!(await done())) {
        await new Promise((resolve) => setTimeout(resolve, lifetime * 1000));
        const calls = Array.from({ length: atOnce }, () => user.get({}));
        for (const call of await Promise.allSettled(calls)) {
          if (call.status === "fulfilled") expect(call.value.user?.uid).toBe(uid);
          else
            expect(client.reasonOf(call.reason), String(call.reason)).toBeOneOf([undefined, "TOKEN_EXPIRED"]);
        }
      }
    }),
  );

  line.lossy = false;
  for (const { session, user, uid, logins } of callers) {
    expect([session.uid, (await user.get({})).user?.uid, logins()]).toEqual([uid, uid, 1]);
  }
  expect(signedOut).toEqual([]);
  expect(line.lost).toMatchObject({ cut: 0 });
  if (process.env.LOSSY_CLIENT) {
    const made = [...(await generations()).values()];
    console.info(
      line.lost,
      `${made.reduce((sum, n) => sum + n)} renewals, at least ${Math.min(...made)} each`,
    );
  }
  for (const how of ["requests", "closed", "reset"] as const) expect(line.lost[how], how).toBeGreaterThan(0);

  const { db, t } = app.app.store.read;
  const rows = await db.select().from(t.sessions);
  const own = rows.filter(({ userId }) => callers.some(({ uid }) => Number(uid) === Number(userId)));
  expect(own).toHaveLength(sessions);
  expect(new Set(own.map(({ userId }) => userId)).size).toBe(sessions);
  for (const { revokedAt, generation } of own) {
    expect(revokedAt).toBeNull();
    expect(generation).toBeGreaterThanOrEqual(renewals);
  }
  const events = await db.select().from(t.auditEvents);
  expect(events.filter(({ kind }) => kind.startsWith("session."))).toEqual([]);

  expect(secrets.size).toBeGreaterThan(sessions * renewals);
  const logged = new Set(log.join("").match(/[\w-]{20,}/g));
  // A token's header is no secret; its claims and its signature stand between dots.
  const parts = [...secrets].flatMap((secret) =>
    secret.includes(".") ? secret.split(".").slice(1) : [secret],
  );
  expect(log.filter((text) => text.includes("Wx.RenewToken")).length).toBeGreaterThan(sessions * renewals);
  expect(parts.filter((part) => logged.has(part))).toEqual([]);
}, 3_600_000);
