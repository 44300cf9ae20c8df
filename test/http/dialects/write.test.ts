import { expect, test } from "vitest";
import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import { Rail } from "../../../gen/liveuser/rail_pb.ts";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { type Dialect, type RouteSpec, route } from "../../../src/http/dialects/table.ts";
import { dialect, form, json, plainErrors, startDialect } from "./kit.ts";

const tickets = { method: "GET", path: "/old/tickets" } as const;

/** What the route answers to a reply of Ticket.List. */
async function written(answer: RouteSpec<never, never>["answer"] | object, more: Partial<Dialect> = {}) {
  const spec = { ...tickets, answer } as Parameters<typeof route<typeof Ticket.method.list>>[1];
  await using app = await startDialect(dialect([route(Ticket.method.list, spec)], more), [
    [
      Ticket.method.list,
      {
        totalCount: 30,
        tickets: [
          { ticketId: 9007199254740991n, status: 1, movieIds: ["a", "b"], payTime: 1510994684570n },
          { ticketId: 2n, payMode: "constructor" },
        ],
      },
    ],
  ]);
  const { status, body } = await app.ask("/old/tickets");
  expect(status).toBe(200);
  return body;
}

test("fields, constants, words and objects", async () => {
  const answer = {
    fields: {
      status: 200,
      info: { value: "成功" },
      none: null,
      total: "totalCount",
      totalText: { from: "totalCount", as: String },
      page: { fields: { total: "totalCount", odd: { from: "totalCount", as: { 30: "thirty" } } } },
      gone: { from: "totalCount", as: () => undefined },
      path: {
        given: ({ totalCount }: { totalCount: number }, { path }: { path: string }) => path + totalCount,
      },
      items: {
        from: "tickets",
        fields: {
          id: "ticketId",
          ticketID: { from: "ticketId", as: String },
          status: "status",
          state: { from: "status", as: { ALREADY_PAID: "paid" } },
          mode: { from: "payMode", as: { WEIXIN: "微信" } },
          movieIDList: "movieIds",
          payTime: "payTime",
        },
      },
    },
  };
  expect(await written(answer)).toEqual({
    status: 200,
    info: "成功",
    none: null,
    total: 30,
    totalText: "30",
    page: { total: 30, odd: "thirty" },
    path: "/old/tickets30",
    items: [
      {
        id: 9007199254740991,
        ticketID: "9007199254740991",
        status: "ALREADY_PAID",
        state: "paid",
        mode: "",
        movieIDList: ["a", "b"],
        payTime: 1510994684570,
      },
      {
        id: 2,
        ticketID: "2",
        status: "PENDING_PAYMENT",
        state: "PENDING_PAYMENT",
        mode: "constructor",
        movieIDList: [],
        payTime: 0,
      },
    ],
  });
});

test("a body may be a text, a number, a list, a frame or nothing", async () => {
  expect(await written({ from: "totalCount", as: String })).toBe("30");
  expect(await written("totalCount")).toBe(30);
  expect(await written({ from: "tickets", fields: { id: "ticketId" } })).toEqual([
    { id: 9007199254740991 },
    { id: 2 },
  ]);
  expect(await written(undefined)).toBe("");
  const wrap = (data: unknown) => ({ code: "0000", data: (data ?? null) as null });
  expect(await written("totalCount", { wrap })).toEqual({ code: "0000", data: 30 });
  expect(await written(undefined, { wrap })).toEqual({ code: "0000", data: null });
});

test("messages in the reply: from them, within them, and left out when they are not there", async () => {
  await using app = await startDialect(
    dialect([
      route(Rail.method.pay, {
        ...tickets,
        path: "/old/pay",
        answer: { from: "pay", fields: { sign: "paySign" } },
      }),
      route(Measurement.method.pay, {
        method: "POST",
        path: "/old/{id}/payment",
        request: { id: { path: "id" } },
        answer: {
          fields: {
            paid: { from: "measurement.hasPaid", as: Number },
            record: { from: "measurement", fields: { id: "id", at: "createdAt" } },
            pay: { from: "pay", fields: { sign: "paySign" } },
            sign: "pay.paySign",
          },
        },
      }),
    ]),
    [
      [Rail.method.pay, { pay: { paySign: "s" } }],
      [Measurement.method.pay, { measurement: { id: 4n, hasPaid: true } }],
    ],
  );
  expect((await app.ask("POST /old/4/payment")).body).toEqual({ paid: 1, record: { id: 4, at: 0 } });
  expect((await app.ask("/old/pay?id=1")).body).toMatchObject({ reason: "INVALID_REQUEST" });
});

test("redirects, cookies and texts", async () => {
  await using app = await startDialect(
    dialect(
      [
        route(Wx.method.authorizeUrl, {
          method: "GET",
          path: "/old/oauth",
          request: { url: { value: "https://a.example/b" }, state: { given: () => "s-1" } },
          redirect: ({ reply }) => reply.url,
          cookies: [
            { name: "state", value: ({ request }) => request.state, maxAge: () => 300 },
            { name: "page", value: ({ incoming }) => incoming.query.get("redirect_uri") ?? undefined },
          ],
        }),
        route(Wx.method.authorizeUrl, {
          method: "GET",
          path: "/old/back",
          request: { url: { value: "https://a.example/b" } },
          redirect: ({ incoming }) => incoming.query.get("to") ?? "/",
        }),
        route(Wx.method.getJsSdkConfig, {
          method: "GET",
          path: "/old/echo",
          request: { url: { value: "https://a.example/b" } },
          text: ({ reply }) => reply.nonceStr,
        }),
      ],
      { cookieAttributes: "Path=/; HttpOnly" },
    ),
    [
      [Wx.method.authorizeUrl, { url: "https://open.example/x?a=b#wechat_redirect" }],
      [Wx.method.getJsSdkConfig, { nonceStr: "茶" }],
    ],
  );
  const there = await app.ask("/old/oauth?redirect_uri=/h5%3B%20%22x%22");
  expect([there.status, there.headers.get("location"), there.body]).toEqual([
    302,
    "https://open.example/x?a=b#wechat_redirect",
    "",
  ]);
  expect(there.headers.getSetCookie()).toEqual([
    "state=s-1; Max-Age=300; Path=/; HttpOnly",
    "page=%2Fh5%3B%20%22x%22; Path=/; HttpOnly",
  ]);
  const back = await app.ask("/old/oauth");
  expect(back.headers.getSetCookie()[1]).toBe("page=; Max-Age=0; Path=/; HttpOnly");
  const forged = await app.ask(`/old/back?to=${encodeURIComponent("/h5?a=b\r\nx: 茶")}`);
  expect([forged.status, forged.headers.get("location")]).toEqual([302, "/h5?a=b%0D%0Ax: %E8%8C%B6"]);
  const text = await app.ask("/old/echo");
  expect([text.headers.get("content-type"), text.body]).toEqual(["text/plain; charset=utf-8", "茶"]);
});

test("a reason has the route's row, the dialect's, or the one for the others", async () => {
  await using app = await startDialect(
    dialect(
      [
        route(User.method.get, { method: "GET", path: "/old/a" }),
        route(User.method.getProfile, {
          method: "GET",
          path: "/old/b",
          errors: {
            rows: { ORDER_STATE: { code: "0012" } },
            write: ({ code }) => ({ json: { retCode: code ?? "" } }),
          },
        }),
        route(User.method.listSessions, { method: "GET", path: "/old/c" }),
        route(User.method.set, { method: "GET", path: "/old/d" }),
      ],
      {
        errors: {
          rows: {
            ORDER_STATE: { code: "0010", text: "订单确认失败" },
            RATE_LIMITED: { status: 503 },
            TOKEN_MISSING: { code: "0006" },
          },
          otherwise: ({ reason }) => ({ code: reason === "INTERNAL" ? "9999" : "0013", status: 418 }),
          write: ({ code, text, reason }) => ({
            json: { code: code ?? null, msg: text },
            ...(reason === "TOKEN_MISSING" ? { status: 302, headers: { location: "/login" } } : {}),
          }),
        },
      },
    ),
    [
      [User.method.get, "ORDER_STATE"],
      [User.method.getProfile, "ORDER_STATE"],
      [User.method.listSessions, () => Promise.reject(new Error("the database at 10.0.0.1"))],
      [User.method.set, "RATE_LIMITED"],
    ],
  );
  const answers: Record<string, unknown> = {};
  for (const path of ["/old/a", "/old/b", "/old/c", "/old/d"]) {
    const { status, body } = await app.ask(path);
    answers[path] = [status, body];
  }
  expect(answers).toEqual({
    "/old/a": [200, { code: "0010", msg: "订单确认失败" }],
    "/old/b": [200, { retCode: "0012" }],
    "/old/c": [418, { code: "9999", msg: "internal error" }],
    "/old/d": [418, { code: "0013", msg: "the request is not valid: user: value is required" }],
  });
  const away = await app.ask("/old/a", { headers: { authorization: "" } });
  expect([away.status, away.headers.get("location")]).toEqual([302, "/login"]);
});

test("hooks refuse before the call, the dialect's before the route's", async () => {
  await using app = await startDialect(
    dialect(
      [
        route(User.method.get, {
          method: "POST",
          path: "/old/user",
          before: async ({ outer }) =>
            outer.sign === "right" ? undefined : { code: "0017", text: "签名失败" },
        }),
      ],
      {
        before: ({ outer }) =>
          outer.appCode ? undefined : { status: 402, code: "0016", text: "缺少appCode" },
        errors: { ...plainErrors, write: ({ code, text }) => ({ json: { code: code ?? null, text } }) },
      },
    ),
  );
  const tried = async (init: RequestInit) => {
    const { status, body } = await app.ask("/old/user", init);
    return [status, body];
  };
  expect(await tried(form("sign=right"))).toEqual([402, { code: "0016", text: "缺少appCode" }]);
  expect(await tried(json({ appCode: "XCX", sign: "wrong" }))).toEqual([
    200,
    { code: "0017", text: "签名失败" },
  ]);
  expect(app.calls).toEqual([]);
  expect(app.outcomes.map(({ error }) => error?.reason)).toEqual(["INVALID_REQUEST", "INVALID_REQUEST"]);
  expect(await tried(form("appCode=XCX&sign=right"))).toEqual([200, ""]);
});
