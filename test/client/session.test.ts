import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleForDevices } from "../../scripts/client/bundle.ts";
import { eventually, movableClock, rejects, startApp, type TestApp } from "../app.ts";
import { type Client, createDevice, type DeviceOptions, type Sent } from "./device.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const clock = movableClock();
let bundle: string;
let app: TestApp;
let people = 0;

beforeAll(async () => {
  bundle = await bundleForDevices('export * from "./index.ts";');
  app = await startApp({ clock });
});

afterAll(async () => app[Symbol.asyncDispose]());

/** The phone of somebody new, whose session keeps what it is told. */
function phone(options: DeviceOptions = {}, more: Partial<Parameters<Client["createSession"]>[0]> = {}) {
  const name = `person-${++people}`;
  const device = createDevice(bundle, { code: () => `dev:${name}`, ...options });
  const signedOut: string[] = [];
  const open = (session = more) => {
    const client = device.start();
    const opened = client.createSession({
      baseUrl: app.url,
      platform: client.miniProgram(),
      onSignedOut: (reason) => void signedOut.push(reason),
      ...session,
    });
    return { client, session: opened, user: opened.client(client.User) };
  };
  return { name, device, signedOut, open, ...open() };
}

function renewals(sent: Sent[]) {
  return sent
    .filter(({ method }) => method === "Wx/RenewToken")
    .map(({ body }) => JSON.parse(String(body)) as { refreshToken: string; attemptId: string });
}

async function failure(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => Promise.reject(new Error("should have failed")),
    (error) => error,
  );
}

/** Lets the server's access tokens run out, as if the device's clock stood still. */
const expire = () => clock.pass(HOUR + 120_000);

test("the first call signs in, and a restart is still signed in", async () => {
  const { device, session, user, open } = phone();
  expect(session.uid).toBeUndefined();
  await Promise.all([user.getProfile({}), user.getProfile({}), user.listSessions({})]);
  expect(device.logins).toBe(1);
  const again = open();
  expect(again.session.uid).toBe(session.uid);
  await again.user.getProfile({});
  expect([device.logins, device.count("Wx/Login"), device.count("Wx/RenewToken")]).toEqual([1, 1, 0]);
});

test("ten 401s at once cause one refresh", async () => {
  const { device, user } = phone();
  await user.getProfile({});
  expire();
  await Promise.all(Array.from({ length: 10 }, () => user.getProfile({})));
  expect(renewals(device.sent)).toHaveLength(1);
  expect(device.count("User/GetProfile")).toBe(21);
  expect(device.logins).toBe(1);
});

test("a late 401 for an old token causes no refresh and clears nothing", async () => {
  const { device, session, user, signedOut } = phone();
  await user.getProfile({});
  expire();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  device.after = async ({ method }) => {
    if (method === "User/ListSessions") await held;
    return undefined;
  };
  const late = user.listSessions({});
  await eventually(
    async () => device.count("User/ListSessions"),
    (count) => count === 1,
  );
  await user.getProfile({});
  expect(renewals(device.sent)).toHaveLength(1);
  release();
  expect((await late).sessions).toHaveLength(1);
  expect(renewals(device.sent)).toHaveLength(1);
  expect(session.uid).toBeDefined();
  expect(signedOut).toEqual([]);
});

test("a late SESSION_REVOKED of an old session leaves the new one alone", async () => {
  const { device, session, user, signedOut } = phone();
  await user.getProfile({});
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  device.before = async ({ method }) => {
    if (method === "User/ListSessions" && device.count(method) === 1) await held;
    return undefined;
  };
  const late = user.listSessions({});
  await eventually(
    async () => device.count("User/ListSessions"),
    (count) => count === 1,
  );
  await session.signOut();
  await session.signIn();
  release();
  expect((await late).sessions).toHaveLength(1);
  expect(session.uid).toBeDefined();
  expect(signedOut).toEqual([]);
});

test("no network failure, no 5xx and no time-out drops credentials", async () => {
  const { device, session, user, signedOut, open } = phone({}, { timeoutMs: 300 });
  await user.getProfile({});
  expire();
  const fates = [
    { fail: "request:fail errcode:-118 cronet_error_code:-118" },
    { statusCode: 500, text: '{"code":"internal","message":"internal error"}' },
    { statusCode: 503, text: '{"code":"unavailable"}' },
    { statusCode: 502, header: { "Content-Type": "text/html" }, text: "<h1>502 Bad Gateway</h1>" },
    { statusCode: 401, header: { "Content-Type": "text/html" }, text: "<h1>Sign in to the hotel</h1>" },
    { statusCode: 200, text: '{"access_token":' },
    { fail: "request:fail timeout" },
  ];
  for (const fate of fates) {
    device.before = ({ method }) => (method === "Wx/RenewToken" ? fate : undefined);
    await failure(user.getProfile({}));
    expect(session.uid, JSON.stringify(fate)).toBeDefined();
  }
  device.before = () => undefined;
  const after = open({});
  await after.user.getProfile({});
  expect(signedOut).toEqual([]);
  expect(device.logins).toBe(1);
  expect(new Set(renewals(device.sent).map(({ attemptId }) => attemptId)).size).toBe(1);
});

type Theirs = { name: string; uid: string; stored: { refreshToken: string } };
const finals: Record<string, (theirs: Theirs) => Promise<unknown>> = {
  SESSION_REVOKED: async ({ name }) => {
    const elsewhere = await app.signIn(name);
    await elsewhere.user.revokeSession({ allOthers: true });
  },
  REFRESH_TOKEN_REUSED: async ({ stored }) => {
    const { refreshToken } = await app.as().wx.renewToken(stored);
    await app.as().wx.renewToken({ refreshToken });
    clock.pass(60_000);
  },
  REFRESH_TOKEN_EXPIRED: async () => clock.pass(31 * DAY),
  REFRESH_TOKEN_INVALID: async ({ stored }) => {
    stored.refreshToken = `${stored.refreshToken.slice(0, -5)}AAAAA`;
  },
  USER_BANNED: async ({ uid }) => app.app.auth.sessions.ban(Number(uid)),
};

for (const [reason, bring] of Object.entries(finals)) {
  test(`credentials are dropped on a final reason: ${reason}`, async () => {
    const first = phone();
    await first.user.getProfile({});
    const [[key, text]] = [...first.device.storage] as [[string, string]];
    const entry = JSON.parse(text);
    await bring({ name: first.name, stored: entry.credentials, uid: first.session.uid as string });
    first.device.storage.set(key, JSON.stringify(entry));
    expire();
    const { client, session, user } = first.open();
    const errors = await Promise.all([user.getProfile({}), user.getProfile({})].map(failure));
    expect(errors.map(client.reasonOf)).toEqual([reason, reason]);
    expect(session.uid).toBeUndefined();
    expect(first.signedOut).toEqual([reason]);
    expect(JSON.stringify([...first.device.storage])).not.toContain("Token");
  });
}

test("after a final reason the next call signs in anew", async () => {
  const { client, session, user } = phone();
  await user.getProfile({});
  clock.pass(31 * DAY);
  expect(client.reasonOf(await failure(user.getProfile({})))).toBe("REFRESH_TOKEN_EXPIRED");
  await user.getProfile({});
  expect(session.uid).toBeDefined();
});

test("an interrupted refresh is tried again with the same attempt_id", async () => {
  const { device, user } = phone();
  await user.getProfile({});
  expire();
  let lost = 0;
  device.after = ({ method }) => {
    if (method !== "Wx/RenewToken" || ++lost > 2) return undefined;
    // Longer than the server gives the same tokens to any other attempt.
    clock.pass(60_000);
    return { fail: "request:fail interrupted" };
  };
  await user.getProfile({});
  const asked = renewals(device.sent);
  expect(asked).toHaveLength(3);
  expect(new Set(asked.map(({ attemptId, refreshToken }) => attemptId + refreshToken)).size).toBe(1);
  expect(asked[0]?.attemptId).toMatch(/^[0-9a-f]{32}/);
});

test("the background interrupts a refresh, which goes on afterwards", async () => {
  const { device, user } = phone();
  await user.getProfile({});
  expire();
  device.before = async ({ method }) => {
    if (method === "Wx/RenewToken" && device.count(method) === 1) setTimeout(() => device.background());
    return undefined;
  };
  await user.getProfile({});
  expect(new Set(renewals(device.sent).map(({ attemptId }) => attemptId)).size).toBe(1);
  expect(device.logins).toBe(1);
});

test("a refresh that ended with the program is made again after the restart, as the same attempt", async () => {
  const { device, user, open } = phone();
  await user.getProfile({});
  expire();
  // The server has renewed, and the device never hears of it.
  let answered = false;
  device.after = ({ method }) => {
    answered = method === "Wx/RenewToken";
    return answered ? new Promise(() => {}) : undefined;
  };
  void user.getProfile({}).catch(() => {});
  await eventually(async () => answered, Boolean);
  const [before] = renewals(device.sent);
  const stored = JSON.parse(String([...device.storage.values()][0]));
  expect(stored.credentials.attemptId).toBe(before?.attemptId);
  clock.pass(60_000);
  device.after = () => undefined;
  device.sent.length = 0;
  const again = open();
  await again.user.getProfile({});
  expect(renewals(device.sent)).toEqual([before]);
  expect(device.logins).toBe(1);
});

for (const ahead of [HOUR, -HOUR]) {
  test(`a clock ${ahead > 0 ? "an hour fast" : "an hour slow"} causes no loop`, async () => {
    const { device, user, open } = phone();
    device.ahead = ahead;
    for (let i = 0; i < 5; i++) await user.getProfile({});
    expect(renewals(device.sent)).toHaveLength(0);
    expire();
    for (let i = 0; i < 5; i++) await user.getProfile({});
    const again = open();
    for (let i = 0; i < 5; i++) await again.user.getProfile({});
    expect(renewals(device.sent)).toHaveLength(1);
    expect(device.logins).toBe(1);
  });

  test(`a clock that jumps ${ahead > 0 ? "forward" : "back"} by an hour costs one refresh at most`, async () => {
    const { device, user, open } = phone();
    await user.getProfile({});
    device.ahead = ahead;
    for (let i = 0; i < 5; i++) await user.getProfile({});
    const again = open();
    for (let i = 0; i < 5; i++) await again.user.getProfile({});
    expect(renewals(device.sent).length).toBeLessThanOrEqual(1);
    expect(device.logins).toBe(1);
  });
}

test("a token is renewed before it runs out, without a refused call", async () => {
  const { device, user } = phone();
  await user.getProfile({});
  for (const ms of [HOUR - 30_000, 2 * HOUR]) {
    const [before] = device.storage.values();
    device.ahead += ms;
    clock.pass(ms);
    await user.getProfile({});
    const { accessToken } = JSON.parse(String(before)).credentials;
    await eventually(
      async () => String([...device.storage.values()][0]),
      (stored) => !stored.includes(accessToken),
    );
  }
  expect(device.count("Wx/RenewToken")).toBe(2);
  expect(device.count("User/GetProfile")).toBe(3);
});

test("sign-out racing a refresh mints nothing", async () => {
  const { device, session, user } = phone();
  await user.getProfile({});
  const old = JSON.parse(String([...device.storage.values()][0])).credentials;
  device.ahead += HOUR - 30_000;
  clock.pass(HOUR - 30_000);
  let signedOut: Promise<void> | undefined;
  device.before = async ({ method }) => {
    if (method === "Wx/RenewToken") {
      signedOut ??= session.signOut();
      await signedOut;
    }
    return undefined;
  };
  await user.getProfile({});
  await eventually(async () => signedOut !== undefined, Boolean);
  await signedOut;
  expect(session.uid).toBeUndefined();
  expect(JSON.stringify([...device.storage])).not.toContain("Token");
  device.before = () => undefined;
  await rejects(app.as().wx.renewToken({ refreshToken: old.refreshToken }), "SESSION_REVOKED");
  await failure(user.getProfile({}));
  expect(session.uid).toBeUndefined();
  expect(device.logins).toBe(1);
});

test("signing out drops the credentials though the server can't be reached", async () => {
  const { device, session, user, signedOut, open } = phone();
  await user.getProfile({});
  device.before = () => ({ fail: "request:fail" });
  await session.signOut();
  expect(session.uid).toBeUndefined();
  expect(open().session.uid).toBeUndefined();
  expect(signedOut).toEqual([]);
});

test("signing out ends the session, with a renewed token if need be; then nothing signs in by itself", async () => {
  const { client, device, session, user } = phone();
  await user.getProfile({});
  const { refreshToken } = JSON.parse(String([...device.storage.values()][0])).credentials;
  expire();
  await session.signOut();
  await rejects(app.as().wx.renewToken({ refreshToken }), "SESSION_REVOKED");
  expect(client.reasonOf(await failure(user.getProfile({})))).toBe("TOKEN_MISSING");
  expect(device.logins).toBe(1);
  await session.signIn();
  await user.getProfile({});
});

test("a lost answer of a write is not asked for again", async () => {
  const { client, device, session, user } = phone();
  await user.getProfile({});
  device.after = () => ({ fail: "request:fail interrupted" });
  const error = await failure(
    session.client(client.Order).create({ products: [{ productId: "tea", count: 1 }] }),
  );
  expect((error as InstanceType<Client["ConnectError"]>).code).toBe(client.Code.Unavailable);
  expect(device.count("Order/Create")).toBe(1);
});

test("Wx.SendMessage is sent once, whatever becomes of the answer", async () => {
  const { accessToken } = await app.as().hall.token({ appid: "sandbox-service", secret: "sandbox" });
  const { client, device, session } = phone(
    {},
    {
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${accessToken}`);
          return next(request);
        },
      ],
    },
  );
  device.after = () => ({ fail: "request:fail timeout" });
  await app.signIn("alice");
  await failure(
    session
      .client(client.Wx)
      .sendMessage({ openId: "sandbox_alice", templateId: "template-1", data: { thing1: "tea" } }),
  );
  expect(device.count("Wx/SendMessage")).toBe(1);
  expect(device.logins).toBe(0);
  expect((await app.sim("/sim/messages?openid=sandbox_alice")).messages).toHaveLength(1);
});

for (const storage of ["async", "broken", "full"] as const) {
  test(`with ${storage} storage it works for as long as the program runs`, async () => {
    const { device, session, user, open } = phone({ storage });
    await session.ready();
    await user.getProfile({});
    expire();
    await Promise.all([user.getProfile({}), user.getProfile({})]);
    expect(renewals(device.sent)).toHaveLength(1);
    const again = open();
    await again.session.ready();
    expect(again.session.uid).toBe(storage === "async" ? session.uid : undefined);
    await again.user.getProfile({});
  });
}

test("a server that refuses every token is asked for one renewal a call", async () => {
  const { client, device, session, user } = phone();
  await user.getProfile({});
  device.before = ({ method }) =>
    method === "User/GetProfile" ? { statusCode: 401, text: '{"code":"unauthenticated"}' } : undefined;
  for (let i = 1; i <= 3; i++) {
    expect(await failure(user.getProfile({}))).toMatchObject({ code: client.Code.Unauthenticated });
    expect([device.count("Wx/RenewToken"), device.count("User/GetProfile")]).toEqual([i, 1 + 2 * i]);
  }
  expect(session.uid).toBeDefined();
});
