import { connect } from "node:net";
import { expect, test } from "vitest";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { documentedMounts } from "../../../scripts/dialects/mounts.ts";
import { createDialectDoor } from "../../../src/http/dialects/dialect.ts";
import { type Dialect, type Route, route } from "../../../src/http/dialects/table.ts";
import type { Call } from "../../../src/rpc/call.ts";
import { eventually } from "../../app.ts";
import { dialect, startDialect } from "./kit.ts";

const whoAmI = route(User.method.get, {
  method: "GET",
  path: "/old/me",
  answer: { fields: { uid: { from: "user.uid", as: String } } },
});
const followers = route(Wx.method.listFollowers, { method: "GET", path: "/old/followers" });
const remember = route(User.method.set, {
  method: ["POST", "PUT"],
  path: "/old/me",
  request: { user: { fields: { name: { body: "name" } } } },
});
const sceneOf = route(Ticket.method.cancel, {
  method: "DELETE",
  path: "/old/{scene}/seats/{seat}.json",
  request: { ticketId: { given: ({ params }) => `${params.scene}${params.seat}` } },
});

test("HEAD, other methods and other paths", async () => {
  await using app = await startDialect(dialect([whoAmI, remember, sceneOf], { prefix: "/old/" }), [
    [User.method.get, { user: { uid: "7" } }],
  ]);
  const head = await app.ask("HEAD /old/me");
  expect([head.status, head.headers.get("content-length"), head.body]).toEqual([200, "11", ""]);
  expect((await app.ask("/old/me")).headers.get("cache-control")).toBe("no-store");

  const wrong = await app.ask("DELETE /old/me");
  expect([wrong.status, wrong.headers.get("allow"), wrong.body]).toEqual([
    405,
    "GET, HEAD, POST, PUT",
    { status: 405, reason: "NO_SUCH_METHOD", text: "no such method" },
  ]);
  expect((await app.ask("GET /old/1/seats/2.json")).headers.get("allow")).toBe("DELETE");
  expect((await app.ask("OPTIONS /old/me")).status).toBe(405);
  for (const path of ["/old/", "/old/me/", "/old/ME", "/old/1/seats/2xjson", "/old/1/2/seats/2.json"]) {
    expect([path, await app.ask(path)]).toMatchObject([path, { status: 404, body: { status: 404 } }]);
  }
  expect((await app.ask("DELETE /old/{scene}/seats/2.json")).body.text).toContain("not valid");
  expect((await app.ask("DELETE /old/%zz/seats/2.json")).status).toBe(404);
  expect((await app.ask("/older")).body).toMatchObject({ code: "unimplemented" });
  expect(app.calls).toHaveLength(2);
  expect(app.server.seen.log).toContainEqual(expect.objectContaining({ msg: "refused", status: 405 }));

  await app.ask("DELETE /old/%31/seats/2.json");
  expect(app.request.ticketId).toBe(12n);
});

test("a call of a dialect is logged and counted as one of its door", async () => {
  await using app = await startDialect(dialect([whoAmI]));
  const { headers } = await app.ask("/old/me", { headers: { "x-request-id": "r-1" } });
  expect(headers.get("x-request-id")).toBe("r-1");
  expect(
    app.outcomes.map(({ call }) => [call.method.name, call.arrival.door, call.arrival.requestId]),
  ).toEqual([["Get", "old", "r-1"]]);
});

test.each<[Dialect["credential"], string, Record<string, string>]>([
  ["bearer", "", { authorization: "Bearer alice" }],
  [{ query: "access_token" }, "?access_token=alice", { authorization: "Bearer nobody" }],
  [{ header: "loginKey" }, "", { authorization: "", loginkey: "alice" }],
  [{ cookie: "sid" }, "", { authorization: "", cookie: "a=b; sid=alice" }],
])("the credential of %j", async (credential, query, headers) => {
  await using app = await startDialect(dialect([whoAmI, remember], { credential }));
  expect((await app.ask(`/old/me${query}`, { headers })).status).toBe(200);
  expect(app.calls[0]?.identity).toMatchObject({ kind: "user", uid: 7 });
  const wrong = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace("alice", "bob")]),
  );
  const refused = await app.ask(`/old/me${query.replace("alice", "bob")}`, { headers: wrong });
  expect(refused.body).toMatchObject({ reason: "TOKEN_INVALID" });
  const none = await app.ask("/old/me", { headers: { authorization: "" } });
  expect(none.body).toMatchObject({ reason: "TOKEN_MISSING" });
});

test("without a credential calls whom the deployment says; a wrong credential is refused all the same", async () => {
  const withoutCredential = { kind: "app", appid: "sandbox-service", role: "service" } as const;
  await using app = await startDialect(dialect([followers, whoAmI]), [], { withoutCredential });
  const bare = await fetch(`${app.server.url}/old/followers`);
  expect(bare.status).toBe(200);
  expect(app.calls[0]?.identity).toEqual(withoutCredential);
  expect(await (await fetch(`${app.server.url}/old/me`)).json()).toMatchObject({ reason: "ACCESS_DENIED" });
  for (const [authorization, reason] of [
    ["Bearer nobody", "TOKEN_INVALID"],
    ["Basic c2VydmljZTo=", "TOKEN_MISSING"],
    ["Bearer", "TOKEN_MISSING"],
    ["Bearer alice", "ACCESS_DENIED"],
  ] as const) {
    expect((await app.ask("/old/followers", { headers: { authorization } })).body).toMatchObject({ reason });
  }
  const call = await fetch(`${app.server.url}/liveuser/Wx/ListFollowers`, { method: "POST" });
  expect(call.status, "other doors vouch for nobody").toBe(401);
});

test("bodies are limited", async () => {
  await using app = await startDialect(dialect([remember, whoAmI]));
  // In chunks, so that the limit is passed in the middle.
  const chunks = ReadableStream.from(Array.from({ length: 20 }, () => Buffer.alloc(16 * 1024, " ")));
  const init = { method: "POST", body: chunks, duplex: "half" } as RequestInit;
  const big = await app.ask("/old/me", init);
  expect(big.body).toMatchObject({ reason: "BODY_TOO_LARGE" });
  expect(app.outcomes[0]?.error?.reason).toBe("BODY_TOO_LARGE");
  // A GET has no use for its body, however long it is.
  const socket = connect(app.server.port);
  socket.write(
    "GET /old/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\ncontent-length: 1000000\r\n\r\n{",
  );
  const [first] = (await socket.take(1).toArray()) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1.1 200/);
  socket.destroy();
});

test("a caller who goes away ends the call", async () => {
  let seen: AbortSignal | undefined;
  await using app = await startDialect(dialect([whoAmI]), [
    [
      User.method.get,
      (call: Call) => {
        seen = call.signal;
        return new Promise(() => {});
      },
    ],
  ]);
  const controller = new AbortController();
  const asked = app.ask("/old/me", { signal: controller.signal }).catch(() => {});
  await eventually(async () => seen, Boolean);
  controller.abort();
  await asked;
  await eventually(async () => seen?.aborted, Boolean);
  expect(seen?.reason).toMatchObject({ reason: "CALL_CANCELLED" });
});

test("an answer that a table's function can't write is INTERNAL in the dialect's form", async () => {
  const broken = () => {
    throw new Error("secret of the table");
  };
  await using app = await startDialect(
    dialect([route(User.method.get, { method: "GET", path: "/old/me", answer: { given: broken } })]),
  );
  const { body } = await app.ask("/old/me");
  expect(body).toEqual({ status: 400, reason: "INTERNAL", text: "internal error" });
  expect(app.server.seen.log).toContainEqual(
    expect.objectContaining({ msg: "an answer could not be written" }),
  );
});

test("a page of another origin may call with all methods", async () => {
  await using app = await startDialect(dialect([whoAmI]), [], {
    corsOrigins: ["https://h5.example.com"],
  });
  const { status, headers } = await app.ask("OPTIONS /old/me", {
    headers: { origin: "https://h5.example.com", "access-control-request-method": "DELETE" },
  });
  expect([status, headers.get("access-control-allow-methods")]).toEqual([204, "POST, GET, PUT, DELETE"]);
});

test("what the types don't find in a table is found at the start", () => {
  const door = (routes: readonly object[], more: Partial<Dialect> = {}) =>
    createDialectDoor({} as never, [{ dialect: dialect(routes as Route[], more) }]);
  const cancel = { ...sceneOf, path: "/old", request: {} };
  expect(() => door([whoAmI, remember, sceneOf])).not.toThrow();
  expect(() => door([whoAmI, whoAmI])).toThrow("old /old/me: GET is there twice");
  expect(() =>
    door([
      { ...cancel, path: "/{a}" },
      { ...cancel, path: "/{b}" },
    ]),
  ).toThrow("twice");
  expect(() => door([cancel], { prefix: "/older/" })).toThrow("does not begin with /older/");
  expect(() => door([{ ...cancel, request: { id: { query: "id" } } }])).toThrow("has no field id");
  expect(() => door([{ ...cancel, request: { ticketId: { path: "id" } } }])).toThrow("the path has no {id}");
  expect(() => door([{ ...cancel, method: "GET", request: { ticketId: { body: "id" } } }])).toThrow(
    "GET has no body",
  );
  expect(() => door([{ ...cancel, request: { ticketId: { fields: {} } } }])).toThrow("is no message");
  expect(() => door([{ ...cancel, answer: "ticket" }])).toThrow("needs its fields named");
  expect(() => door([{ ...cancel, answer: { fields: { a: "ticket.id" } } }])).toThrow("has no field id");
  expect(() => door([{ ...cancel, answer: { from: "ticket.ticketId", fields: {} } }])).toThrow(
    "holds no messages",
  );
  const one = { dialect: dialect([whoAmI]) };
  expect(() => createDialectDoor({} as never, [one, { ...one }])).toThrow(
    "/old/me is a path of two dialects",
  );
});

test("every dialect that is served fits its RPCs", () => {
  const mounts = documentedMounts({ withoutCredential: undefined });
  expect(() => createDialectDoor({} as never, mounts)).not.toThrow();
  expect(mounts.map(({ identityWithoutCredential }) => identityWithoutCredential)).toEqual(
    mounts.map(() => undefined),
  );
});
