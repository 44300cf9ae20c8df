import fc from "fast-check";
import { expect, test } from "vitest";
import { Cart } from "../../../gen/liveuser/cart_pb.ts";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import type { Reason } from "../../../src/errors.ts";
import { methodsOf } from "../../../src/http/dialects/table.ts";
import { wxs } from "../../../src/http/dialects/wxs.ts";
import { json, startDialect } from "./kit.ts";

const openID = "qjo3fjaefjap3jq83f9p8er9fpq4";
const headers = { authorization: "Bearer service" };

const ticket = {
  ticketId: 1042n,
  status: 0,
  progressPhase: 1,
  price: 6000,
  actualPrice: 5000,
  payMode: "WEIXIN",
  payTime: 1510994684570n,
  viewerOpenId: "23ofj9q08ef93q849fq83f",
  viewerNickName: "张三",
  vrClientId: "fdj3efjs98er9f83fj9e8f9",
  seatNumber: "001",
  cinemaName: "西单vr影院",
  hallName: "001厅",
  movieIds: ["aw0e9f9839fj93q8f", "jf9fej9pq3ep9fq39f"],
  startTime: 1510995105068n,
  expireTime: 3000,
};

test("each URL asks its RPC and answers as the document says", async () => {
  await using app = await startDialect(wxs, [
    [Cart.method.submit, { ticket }],
    [Cart.method.get, { openId: openID, movieIds: ["fqp9j384jf83498uf9e", "9j3gfdja9ngf9ejf83"] }],
    [Ticket.method.list, { totalCount: 30, tickets: [ticket] }],
    [
      Wx.method.prepay,
      { timeStamp: "1510995105", nonceStr: "q", package: "prepay_id=90", signType: "RSA", paySign: "fq==" },
    ],
    [
      Wx.method.listFollowers,
      {
        totalCount: 30,
        followers: [
          {
            openId: "fq23jfjp9a8e9q34",
            nickName: "张三",
            iconUrl: "https://weixin.example/a.jpg",
            attentionTime: 1510995105068n,
            sceneId: 2000,
            subscribed: true,
          },
          { openId: "left" },
        ],
      },
    ],
    [Wx.method.getScene, { sceneId: 10025, scanTime: 1511457450n }],
    [Wx.method.getAccessToken, { accessToken: "gzwzM7sD2y0sos7EhoibXawJ1VbUcqesUaUmc8SP", expiresIn: 7200 }],
  ]);
  const asked = async (target: string, body?: object) => {
    const answer = await app.ask(target, body ? { body: JSON.stringify(body), headers } : { headers });
    const { $typeName, ...request } = app.request;
    return { status: answer.status, body: answer.body, rpc: $typeName, request };
  };
  const done = { status: 200, body: "" };

  expect(await asked("POST /wxs/cart", { movieID: "fqofnai", openID })).toEqual({
    ...done,
    rpc: "liveuser.CartAddRequest",
    request: { movieId: "fqofnai", openId: openID },
  });
  expect(await asked("PUT /wxs/cart", { movieID: "fqofnai", openID, action: "MOVEUP" })).toEqual({
    ...done,
    rpc: "liveuser.CartModifyRequest",
    request: { movieId: "fqofnai", openId: openID, action: 1 },
  });
  expect(await asked("POST /wxs/cart/submit", { openID })).toEqual({
    status: 200,
    body: { ticketID: "1042" },
    rpc: "liveuser.CartSubmitRequest",
    request: { openId: openID, sceneId: 0 },
  });
  expect(await asked(`/wxs/cart?open_id=${openID}`)).toEqual({
    status: 200,
    body: { openID, movieList: ["fqp9j384jf83498uf9e", "9j3gfdja9ngf9ejf83"] },
    rpc: "liveuser.CartGetRequest",
    request: { openId: openID },
  });
  expect(await asked(`/wxs/tickets?open_id=${openID}&status=PENDING_PAYMENT,OVER_TIME`)).toEqual({
    status: 200,
    body: {
      totalCount: 30,
      itemList: [
        {
          ticketID: "1042",
          status: "PENDING_PAYMENT",
          progressPhase: "TO_DISTRIBUTE",
          price: 6000,
          actualPrice: 5000,
          payMode: "WEIXIN",
          payTime: 1510994684570,
          viewerOpenID: "23ofj9q08ef93q849fq83f",
          viewerNickName: "张三",
          vrClientID: "fdj3efjs98er9f83fj9e8f9",
          seatNumber: "001",
          cinemaName: "西单vr影院",
          hallName: "001厅",
          movieIDList: ["aw0e9f9839fj93q8f", "jf9fej9pq3ep9fq39f"],
          startTime: 1510995105068,
          expireTime: 3000,
        },
      ],
    },
    rpc: "liveuser.TicketListRequest",
    request: { ticketId: 0n, openId: openID, status: [0, 2], start: 0, limit: 20 },
  });
  expect(await asked("/wxs/tickets?ticketID=1042&status=CANCELLED&start=40&limit=5")).toMatchObject({
    request: { ticketId: 1042n, openId: "", status: [3], start: 40, limit: 5 },
  });
  expect(await asked("DELETE /wxs/tickets?ticket_id=1042")).toEqual({
    ...done,
    rpc: "liveuser.TicketCancelRequest",
    request: { ticketId: 1042n },
  });
  expect(await asked(`/wxs/payment/wx/params?open_id=${openID}&ticket_id=1042`)).toMatchObject({
    body: {
      timestamp: 1510995105,
      nonceStr: "q",
      package: "prepay_id=90",
      signType: "RSA",
      paySign: "fq==",
    },
    rpc: "liveuser.WxPrepayRequest",
    request: { ticketId: 1042n, orderId: 0n, openId: openID },
  });
  expect(await asked("POST /wxs/tickets/complaint", { ticketID: "1042", openID, content: "终止了" })).toEqual(
    {
      ...done,
      rpc: "liveuser.TicketComplainRequest",
      request: { ticketId: 1042n, openId: openID, content: "终止了" },
    },
  );
  expect(await asked("/wxs/users/wx")).toEqual({
    status: 200,
    body: {
      totalCount: 30,
      itemList: [
        {
          openID: "fq23jfjp9a8e9q34",
          nickName: "张三",
          iconURL: "https://weixin.example/a.jpg",
          attentionTime: 1510995105068,
          sceneID: 2000,
          subscribed: 1,
        },
        { openID: "left", nickName: "", iconURL: "", attentionTime: 0, sceneID: 0, subscribed: 0 },
      ],
    },
    rpc: "liveuser.WxListFollowersRequest",
    request: { openId: "", start: 0, limit: 20 },
  });
  expect(await asked("/wxs/users/sceneid?openID=o-1")).toEqual({
    status: 200,
    body: { sceneID: 10025, scanTime: "1511457450" },
    rpc: "liveuser.WxGetSceneRequest",
    request: { openId: "o-1" },
  });
  expect(await asked("/wxs/wx/accesstoken")).toMatchObject({
    status: 200,
    body: "gzwzM7sD2y0sos7EhoibXawJ1VbUcqesUaUmc8SP",
  });
});

test("whatever comes is answered or refused, never a failure of ours", async () => {
  await using app = await startDialect(wxs);
  const names = [
    "open_id",
    "openID",
    "ticketID",
    "movieID",
    "status",
    "start",
    "limit",
    "action",
    "__proto__",
  ];
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.nat().map(String), fc.constant("CANCELLED,"));
  const fields = (of: fc.Arbitrary<unknown>) =>
    fc.array(fc.tuple(fc.constantFrom(...names), of), { maxLength: 6 });
  const routes = wxs.routes.flatMap((each) => methodsOf(each).map((method) => [method, each.path] as const));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...routes),
      fields(value),
      fc.option(fc.oneof(fields(fc.jsonValue()).map(Object.fromEntries), fc.jsonValue())),
      async ([method, path], query, body) => {
        const search = new URLSearchParams(
          query.map(([name, text]): [string, string] => [name as string, String(text).toWellFormed()]),
        );
        const init = method === "GET" || body === null ? {} : { body: JSON.stringify(body) };
        const answer = await app.ask(`${method} ${path}?${search}`, { ...init, headers });
        expect([200, 400]).toContain(answer.status);
        expect(app.outcomes.at(-1)?.error?.reason ?? "INVALID_REQUEST").toBe("INVALID_REQUEST");
      },
    ),
    { numRuns: 300 },
  );
});

test("failures are 400 or 500 with what went wrong", async () => {
  const fail = (reason: Reason) => startDialect(wxs, [[Wx.method.getAccessToken, reason]]);
  for (const [reason, status, info] of [
    ["WX_UNAVAILABLE", 500, "WeChat does not answer, try again"],
    ["WX_MISCONFIGURED", 500, "WeChat refuses this server's credentials"],
    ["UNAVAILABLE", 500, "busy for the moment, try again"],
    ["INTERNAL", 500, "internal error"],
    ["RATE_LIMITED", 400, "too many calls, come again later"],
    ["TICKET_NOT_FOUND", 400, "no such ticket"],
  ] as const) {
    await using app = await fail(reason);
    const { status: got, body } = await app.ask("/wxs/wx/accesstoken", { headers });
    expect([got, body]).toEqual([status, { info }]);
  }
  await using app = await startDialect(wxs);
  const refused = async (target: string, init: RequestInit = { headers }) => {
    const { status, body } = await app.ask(target, init);
    return [status, body];
  };
  expect(await refused("/wxs/cart")).toEqual([400, { info: "the request is not valid: open_id: missing" }]);
  expect(await refused("/wxs/cart", { ...json({ openID }), headers })).toEqual([
    400,
    { info: "the request is not valid: movieID: missing" },
  ]);
  expect(await refused("/wxs/tickets?status=PAID")).toEqual([
    400,
    { info: expect.stringContaining("status[0]: expected one of PENDING_PAYMENT, ALREADY_PAID") },
  ]);
  expect(await refused("/wxs/wx/accesstoken", {})).toEqual([
    400,
    { info: "the caller may not call this method" },
  ]);
  expect(await refused("/wxs/nothing")).toEqual([404, { info: "no such method" }]);
  expect(await refused("PATCH /wxs/cart")).toEqual([405, { info: "no such method" }]);
});
