import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  Code,
  createSession,
  reasonOf,
  User,
  type WebOptions,
  type WebStorage,
  web,
} from "../../src/client/index.ts";
import { eventually, movableClock, rejects, startApp, type TestApp } from "../app.ts";

// What a page's tabs, its storage and the networks between do to a session.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: ReturnType<typeof movableClock>;
let app: TestApp;
beforeEach(async () => {
  clock = movableClock();
  app = await startApp({ clock });
});
afterEach(() => app[Symbol.asyncDispose]());

/** The storage that the tabs of a browser share. */
function createStorage() {
  const texts = new Map<string, string>();
  return {
    texts,
    /** How many of the next writes fail. */
    failing: 0,
    getItem: (key: string) => texts.get(key) ?? null,
    setItem(key: string, value: string) {
      if (this.failing-- > 0) throw new Error("QuotaExceededError");
      texts.set(key, value);
    },
    removeItem: (key: string) => void texts.delete(key),
  };
}

type Send = () => Promise<Response>;

/** Opens a tab of a page that is, or is going to be, signed in as alice. */
function openTab(storage: WebStorage) {
  const sent: { method: string; body: { attemptId: string; refreshToken: string } }[] = [];
  const signedOut: string[] = [];
  const tab = {
    sent,
    signedOut,
    /** By how much the tab's clock is ahead (ms). */
    ahead: 0,
    /** Stands between the tab and the server. */
    meddle: (_method: string, send: Send): Promise<Response> => send(),
    renewals: () => sent.filter(({ method }) => method === "Wx/RenewToken").map(({ body }) => body),
  };
  const fetching: WebOptions["fetch"] = (url, init) => {
    const method = url.replace(/^.*\/liveuser\./, "");
    sent.push({ method, body: JSON.parse(String(init.body)) });
    return tab.meddle(method, () => fetch(url, init as RequestInit));
  };
  const platform = {
    ...web({ storage, fetch: fetching, signIn: "mini" }),
    now: () => clock.now() + tab.ahead,
  };
  const session = createSession({
    baseUrl: app.url,
    platform,
    timeoutMs: 5000,
    onSignedOut: (reason) => void signedOut.push(reason),
  });
  return Object.assign(tab, { session, user: session.client(User) });
}

type Tab = ReturnType<typeof openTab>;

async function signedIn() {
  const storage = createStorage();
  const tab = openTab(storage);
  await tab.session.signIn("dev:alice");
  return { storage, tab };
}

const tokenInvalid = Buffer.from(
  toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "TOKEN_INVALID", domain: "liveuser" })),
).toString("base64");

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Holds back the answers of renewals; the server works at once. */
function holdRenewals(tab: Tab) {
  const { opened, open } = gate();
  const worked = gate();
  tab.meddle = async (method, send) => {
    const answer = await send();
    if (method === "Wx/RenewToken") {
      worked.open();
      await opened;
    }
    return answer;
  };
  return { worked: worked.opened, open };
}

const lost: Tab["meddle"] = async (method, send) => {
  if (method !== "Wx/RenewToken") return send();
  await send();
  throw new TypeError("fetch failed");
};

async function failure(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => expect.fail("should have failed"),
    (error) => reasonOf(error) ?? String(error),
  );
}

async function expectAlive(...tabs: Tab[]) {
  for (const { user, signedOut } of tabs) {
    expect((await user.get({})).user?.uid).toBeTruthy();
    expect(signedOut).toEqual([]);
  }
}

test("tabs that renew at the same moment make one attempt of it", async () => {
  const { storage, tab } = await signedIn();
  const other = openTab(storage);
  await expectAlive(tab, other);
  clock.pass(HOUR);
  await expectAlive(tab, other);
  clock.pass(HOUR);
  await Promise.all([tab.user.get({}), other.user.get({})]);
  const attempts = [...tab.renewals(), ...other.renewals()].slice(-2).map(({ attemptId }) => attemptId);
  expect(new Set(attempts).size).toBe(1);
});

test("tabs survive a network that loses both their renewals for a while", async () => {
  const { storage, tab } = await signedIn();
  const other = openTab(storage);
  await expectAlive(tab, other);
  clock.pass(HOUR);
  tab.meddle = lost;
  other.meddle = lost;
  const calls = [tab.user.get({}), other.user.get({})];
  await eventually(
    async () => Math.min(tab.renewals().length, other.renewals().length),
    (count) => count > 0,
  );
  // Longer than the server takes any other attempt for the same.
  clock.pass(MINUTE);
  tab.meddle = (_, send) => send();
  other.meddle = (_, send) => send();
  await Promise.allSettled(calls);
  await expectAlive(other, tab);
});

test("a tab's late answer does not bring older tokens back", async () => {
  const { storage, tab } = await signedIn();
  const slow = openTab(storage);
  await expectAlive(tab, slow);
  clock.pass(HOUR);
  const held = holdRenewals(slow);
  const late = slow.user.get({});
  await held.worked;
  await expectAlive(tab);
  clock.pass(HOUR);
  await expectAlive(tab);
  held.open();
  await late.catch(() => {});
  clock.pass(HOUR);
  await expectAlive(tab, slow);
});

test("signing out in one tab is not undone by another's renewal, though the server can't be told", async () => {
  const { storage, tab } = await signedIn();
  const other = openTab(storage);
  await expectAlive(other);
  clock.pass(HOUR);
  const held = holdRenewals(other);
  const late = other.user.get({});
  await held.worked;
  tab.meddle = () => Promise.reject(new TypeError("fetch failed"));
  await tab.session.signOut();
  held.open();
  await late.catch(() => {});
  expect([...storage.texts.values()].join()).not.toContain("oken");
  const next = openTab(storage);
  await next.session.ready();
  expect([tab.session.uid, other.session.uid, next.session.uid]).toEqual([undefined, undefined, undefined]);
});

test("signing out in one tab signs the others out, which are told", async () => {
  const { storage, tab } = await signedIn();
  const other = openTab(storage);
  await expectAlive(other);
  await tab.session.signOut();
  expect(await failure(other.user.get({}))).toBe("SESSION_REVOKED");
  expect([other.session.uid, other.signedOut]).toEqual([undefined, ["SESSION_REVOKED"]]);
});

test("signing out while a renewal is under way ends the session", async () => {
  const { storage, tab } = await signedIn();
  const [before] = storage.texts.values();
  clock.pass(HOUR);
  const held = holdRenewals(tab);
  const late = tab.user.get({}).catch(() => {});
  await held.worked;
  const left = tab.session.signOut();
  held.open();
  await Promise.all([left, late]);
  expect(tab.session.uid).toBeUndefined();
  const { refreshToken } = JSON.parse(String(before)).credentials;
  await rejects(app.as().wx.renewToken({ refreshToken }), "SESSION_REVOKED");
});

for (const [which, at] of [
  ["the attempt", 0],
  ["the renewed tokens", 1],
] as const) {
  test(`a write of ${which} that fails once costs nobody the session`, async () => {
    const { storage, tab } = await signedIn();
    clock.pass(HOUR);
    tab.meddle = async (method, send) => {
      if (at === 1 && method === "Wx/RenewToken") storage.failing = 1;
      return send();
    };
    storage.failing = at === 0 ? 1 : 0;
    await expectAlive(tab);
    clock.pass(MINUTE);
    const next = openTab(storage);
    await expectAlive(next);
    expect(next.session.uid).toBe(tab.session.uid);
  });
}

test("an answer without tokens is no renewal", async () => {
  const answers = ["", "{}", '{"access_token":"","refresh_token":"","expiry":"0"}', '{"ok":true}'];
  const cases = await Promise.all(answers.map(async (text) => ({ text, ...(await signedIn()) })));
  clock.pass(HOUR);
  for (const { tab, text } of cases) {
    tab.meddle = async (method, send) => {
      if (method !== "Wx/RenewToken") return send();
      return new Response(text, { headers: { "content-type": "application/json" } });
    };
  }
  // It tries for some seconds; whatever the calls give, the sessions are kept.
  await Promise.allSettled(cases.map(({ tab }) => tab.user.get({})));
  for (const { tab, storage } of cases) {
    tab.meddle = (_method, send) => send();
    await expectAlive(tab, openTab(storage));
  }
});

test("renewed tokens are used by nobody before they are stored", async () => {
  const { storage } = await signedIn();
  const { opened, open } = gate();
  let writing = false;
  const slow: WebStorage = {
    getItem: async (key) => storage.getItem(key),
    async setItem(key, value) {
      if (!value.includes("attemptId")) {
        writing = true;
        await opened;
      }
      storage.setItem(key, value);
    },
    removeItem: async (key) => storage.removeItem(key),
  };
  const tab = openTab(slow);
  await tab.session.ready();
  clock.pass(HOUR);
  const first = tab.user.get({});
  await eventually(async () => writing, Boolean);
  const before = tab.sent.length;
  const second = tab.user.get({});
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(tab.sent.length).toBe(before);
  open();
  await Promise.all([first, second]);
  await expectAlive(openTab(storage));
});

test("storage that hangs makes calls fail in their time", async () => {
  const never = () => new Promise<never>(() => {});
  const tab = openTab({ getItem: never, setItem: never, removeItem: never });
  const started = performance.now();
  await expect(tab.user.get({}, { timeoutMs: 100 })).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  expect(performance.now() - started).toBeLessThan(4000);
});

test("a server that refuses every token is not asked without end", async () => {
  const { tab } = await signedIn();
  tab.meddle = async (method, send) => {
    if (method !== "User/Get") return send();
    const details = [{ type: "google.rpc.ErrorInfo", value: tokenInvalid }];
    return Response.json({ code: "unauthenticated", details }, { status: 401 });
  };
  tab.sent.length = 0;
  expect(await failure(tab.user.get({}))).toBe("TOKEN_INVALID");
  expect(tab.sent.map(({ method }) => method)).toEqual(["User/Get", "Wx/RenewToken", "User/Get"]);
  expect(tab.session.uid).toBeDefined();
});

test("a program that ends between storing the attempt and the answer goes on with it", async () => {
  const { storage, tab } = await signedIn();
  clock.pass(HOUR);
  tab.meddle = async (method, send) => {
    const answer = await send();
    return method === "Wx/RenewToken" ? new Promise(() => {}) : answer;
  };
  void tab.user.get({}).catch(() => {});
  await eventually(
    async () => tab.renewals().length,
    (count) => count === 1,
  );
  clock.pass(2 * HOUR);
  const next = openTab(storage);
  await expectAlive(next);
  expect(next.renewals()[0]).toEqual(tab.renewals()[0]);
});

test.each([HOUR, -HOUR])("a clock that is wrong by %i ms costs one renewal an hour", async (ahead) => {
  const { storage, tab } = await signedIn();
  tab.ahead = ahead;
  for (let i = 0; i < 3; i += 1) await tab.user.get({});
  expect(tab.renewals().length).toBeLessThanOrEqual(1);
  clock.pass(HOUR);
  for (let i = 0; i < 3; i += 1) await tab.user.get({});
  expect(tab.renewals().length).toBeLessThanOrEqual(2);
  const next = openTab(storage);
  for (let i = 0; i < 3; i += 1) await next.user.get({});
  expect(next.renewals().length).toBeLessThanOrEqual(1);
});
