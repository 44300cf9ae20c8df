import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as client from "../../src/client/index.ts";
import { eventually, movableClock, startApp, type TestApp } from "../app.ts";

const HOUR = 3_600_000;
const clock = movableClock();
let app: TestApp;

beforeAll(async () => {
  app = await startApp({ clock });
});

afterAll(async () => app[Symbol.asyncDispose]());

/** A browser: storage that its tabs share, and a fetch that counts. */
function browser(later = false) {
  const texts = new Map<string, string>();
  const sent: { method: string; body: unknown }[] = [];
  const storage = later
    ? {
        getItem: async (key: string) => texts.get(key) ?? null,
        setItem: async (key: string, value: string) => void texts.set(key, value),
        removeItem: async (key: string) => void texts.delete(key),
      }
    : {
        getItem: (key: string) => texts.get(key) ?? null,
        setItem: (key: string, value: string) => void texts.set(key, value),
        removeItem: (key: string) => void texts.delete(key),
      };
  function tab(options: Partial<client.SessionOptions> = {}, web: client.WebOptions = {}) {
    const signedOut: string[] = [];
    const session = client.createSession({
      baseUrl: app.url,
      platform: client.web({
        storage,
        fetch(url, init) {
          sent.push({ method: url.replace(/^.*\/liveuser\./, ""), body: init.body });
          return fetch(url, init as RequestInit);
        },
        ...web,
      }),
      onSignedOut: (reason) => void signedOut.push(reason),
      ...options,
    });
    return { session, signedOut, user: session.client(client.User) };
  }
  return { tab, texts, sent, count: (method: string) => sent.filter((one) => one.method === method).length };
}

async function failure(call: Promise<unknown>): Promise<client.ConnectError> {
  return call.then(
    () => Promise.reject(new Error("should have failed")),
    (error) => error,
  );
}

for (const later of [false, true]) {
  test(`a page signs in with its code, and the next page is signed in (storage answers ${later ? "later" : "at once"})`, async () => {
    const { tab, count } = browser(later);
    const { session, user } = tab();
    expect(client.reasonOf(await failure(user.getProfile({})))).toBe("TOKEN_MISSING");
    expect((await failure(session.signIn())).code).toBe(client.Code.InvalidArgument);
    const { uid } = await session.signIn("dev:page");
    expect(session.uid).toBe(uid);
    await user.getProfile({});
    const next = tab();
    if (!later) expect(next.session.uid).toBe(uid);
    await next.session.ready();
    expect(next.session.uid).toBe(uid);
    expect(await next.session.signIn()).toEqual({ uid });
    await next.user.getProfile({});
    expect([count("Wx/OauthLogin"), count("Wx/Login")]).toEqual([1, 0]);
  });
}

for (const binary of [false, true]) {
  test(`Node: calls, errors and a stream over fetch (${binary ? "protobuf" : "JSON"})`, async () => {
    const session = client.createSession({
      baseUrl: `${app.url}/`,
      platform: client.web({ signIn: "mini" }),
      role: "business",
      binary,
    });
    await session.signIn(`dev:node-${binary}`);
    await session.client(client.Rail).listOpen({});
    const { order } = await session
      .client(client.Order)
      .create({ products: [{ productId: "tea", count: 1 }] });
    expect(typeof order?.id).toBe("bigint");
    const error = await failure(session.client(client.Order).get({ id: 1n }));
    expect([client.reasonOf(error), error.code]).toEqual(["ORDER_NOT_FOUND", client.Code.NotFound]);
    const stop = new AbortController();
    const ended = (async () => {
      for await (const _ of session.client(client.Ticket).watch({}, { signal: stop.signal }));
    })();
    setTimeout(() => stop.abort(), 50);
    expect((await failure(ended)).code).toBe(client.Code.Canceled);
  });
}

test("aborting by the runtime's own controller or the client's stops fetch too", async () => {
  let gone = 0;
  const silent = createServer((request) => void request.on("close", () => gone++));
  await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
  const baseUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  try {
    const catalog = client.createSession({ baseUrl, platform: client.web() }).client(client.Catalog);
    for (const stop of [new AbortController(), new client.AbortController()]) {
      setTimeout(() => stop.abort(), 50);
      expect((await failure(catalog.list({}, { signal: stop.signal }))).code).toBe(client.Code.Canceled);
    }
    const late = await failure(catalog.list({}, { timeoutMs: 50 }));
    expect(late.code).toBe(client.Code.DeadlineExceeded);
    await eventually(
      async () => gone,
      (count) => count === 3,
    );
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
  const nobody = await failure(
    client.createSession({ baseUrl, platform: client.web() }).client(client.Catalog).list({}),
  );
  expect([nobody.code, nobody.rawMessage]).toEqual([client.Code.Unavailable, "no connection"]);
});

test("a tab takes over what another tab has renewed, even long after", async () => {
  const { tab, sent, count } = browser();
  const [one, two] = [tab(), tab()];
  await one.session.signIn("dev:tabs");
  await two.user.getProfile({});
  for (let i = 0; i < 3; i++) {
    clock.pass(HOUR + 120_000);
    await one.user.getProfile({});
  }
  expect(count("Wx/RenewToken")).toBe(3);
  clock.pass(60_000);
  sent.length = 0;
  await two.user.getProfile({});
  expect(sent.map(({ method }) => method)).toEqual(["User/GetProfile", "User/GetProfile"]);
  expect([one.signedOut, two.signedOut]).toEqual([[], []]);
});

test("tabs that renew at once all stay signed in", async () => {
  const { tab } = browser(true);
  const tabs = [tab(), tab(), tab()];
  await tabs[0]?.session.signIn("dev:tabs-at-once");
  await Promise.all(tabs.map(({ user }) => user.getProfile({})));
  for (let i = 0; i < 3; i++) {
    clock.pass(HOUR + 120_000);
    await Promise.all(tabs.flatMap(({ user }) => [user.getProfile({}), user.getProfile({})]));
  }
  expect(tabs.flatMap(({ signedOut }) => signedOut)).toEqual([]);
});

test("a tab asks again with the attempt that another tab began and lost", async () => {
  const { tab, sent, texts } = browser();
  const one = tab();
  await one.session.signIn("dev:tabs-attempt");
  clock.pass(HOUR + 120_000);
  const lost = tab(
    {},
    {
      fetch: async (url, init) => {
        const answer = await fetch(url, init as RequestInit);
        if (url.endsWith("RenewToken")) await new Promise(() => {});
        return answer;
      },
    },
  );
  void lost.user.getProfile({}).catch(() => {});
  await eventually(
    async () => [...texts.values()].join(),
    (stored) => stored.includes("attemptId"),
  );
  // It reached the server, and more time passed than anybody else would be given.
  await new Promise((resolve) => setTimeout(resolve, 100));
  clock.pass(60_000);
  sent.length = 0;
  await one.user.getProfile({});
  const [asked] = sent.filter(({ method }) => method === "Wx/RenewToken");
  const { attemptId } = JSON.parse(String([...texts.values()][0])).credentials;
  expect(attemptId).toBeUndefined();
  expect(JSON.parse(String(asked?.body)).attemptId).toMatch(/^[0-9a-f]{32}$/);
  expect(one.signedOut).toEqual([]);
});

test("signing out in one tab signs out the others", async () => {
  const { tab, texts } = browser();
  const [one, two] = [tab(), tab()];
  await one.session.signIn("dev:tabs-leave");
  await two.user.getProfile({});
  await one.session.signOut();
  expect(client.reasonOf(await failure(two.user.getProfile({})))).toBe("SESSION_REVOKED");
  expect(two.session.uid).toBeUndefined();
  expect([...texts.values()].join()).not.toContain("oken");
});

test("a call is not repeated for somebody else who signed in meanwhile in another tab", async () => {
  const { tab, count } = browser();
  const [one, two] = [tab(), tab()];
  await one.session.signIn("dev:tabs-first");
  await one.user.getProfile({});
  await two.session.signIn("dev:tabs-second");
  clock.pass(HOUR + 120_000);
  await two.user.getProfile({});
  const renewals = count("Wx/RenewToken");
  const error = await failure(one.user.setProfile({ profile: { name: "first" } }));
  expect(client.reasonOf(error)).toBe("TOKEN_EXPIRED");
  expect(count("Wx/RenewToken")).toBe(renewals);
  expect(one.session.uid).toBe(two.session.uid);
});
