import { expect, test } from "vitest";
import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import { Rail } from "../../../gen/liveuser/rail_pb.ts";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { type Dialect, route } from "../../../src/http/dialects/table.ts";
import { dialect, form, json, startDialect } from "./kit.ts";

const everywhere = dialect(
  [
    route(Measurement.method.remark, {
      method: "POST",
      path: "/old/{record_id}/remark",
      request: { id: { path: "record_id" }, remark: { param: ["remark", "text"] } },
    }),
    route(Ticket.method.list, {
      method: ["GET", "POST"],
      path: "/old/tickets",
      request: {
        ticketId: { query: ["ticket_id", "ticketID"] },
        openId: { header: "X-Open-Id" },
        status: { query: "status" },
        start: { cookie: "start" },
        limit: { query: "limit", default: 20 },
      },
    }),
    route(Ticket.method.complain, {
      method: "PUT",
      path: "/old/complaints",
      request: {
        ticketId: { body: ["ticketID", "ticket_id"], required: true },
        content: { given: ({ path }) => `at ${path}` },
        openId: { value: "o-1" },
      },
    }),
    route(User.method.addContact, {
      method: "POST",
      path: "/old/contacts",
      request: {
        contact: {
          fields: {
            identityNumber: { body: "indentity", required: true },
            name: { body: "name" },
            passengerType: { body: "linkmanType", as: { 成人: "ADULT", 儿童: "CHILD" } },
          },
        },
      },
    }),
    route(Rail.method.create, {
      method: "POST",
      path: "/old/orders",
      request: {
        identityNumber: { value: "11010519491231002X" },
        passengerName: { body: "ticketName" },
        fromSite: { value: "北京" },
        toSite: { value: "河南" },
        details: { body: "ticketDetails" },
        amount: { body: "orderAmount", as: (yuan) => Math.round(Number(yuan) * 100) },
      },
    }),
    route(Wx.method.sendMessage, {
      method: "POST",
      path: "/old/messages",
      request: {
        openId: { body: "openid" },
        templateId: { value: "t" },
        subscription: { body: "subscription" },
        data: { body: "data" },
      },
    }),
  ],
  { credential: "bearer" },
);

test("parameters are read from path, query, header, cookie, form and JSON", async () => {
  await using app = await startDialect(everywhere);
  const headers = { authorization: "Bearer service" };

  await app.ask("/old/7/remark?text=tea", form(""));
  expect(app.request).toMatchObject({ id: 7n, remark: "tea" });
  await app.ask("/old/7/remark", form("remark=green+tea%21"));
  expect(app.request).toMatchObject({ id: 7n, remark: "green tea!" });
  await app.ask("/old/%37/remark", json({ remark: "茶", nobody: "asks" }));
  expect(app.request).toMatchObject({ id: 7n, remark: "茶" });

  await app.ask("/old/tickets?ticketID=9007199254740991&status=ALREADY_PAID,%20CANCELLED,", {
    headers: { ...headers, "x-open-id": "o-2", cookie: "a=b; start=%34%30; start=50" },
  });
  expect(app.request).toMatchObject({
    ticketId: 9007199254740991n,
    openId: "o-2",
    status: [1, 3],
    start: 40,
    limit: 20,
  });
  await app.ask("/old/tickets?status=OVER_TIME&status=CANCELLED&limit=&ticket_id=", { headers });
  expect(app.request).toMatchObject({ ticketId: 0n, status: [2, 3], limit: 20 });
  await app.ask('/old/tickets?status=["OVER_TIME"]&status=CANCELLED', { headers });
  expect(app.request).toMatchObject({ ticketId: 0n, status: [2, 3], limit: 20 });

  await app.ask("/old/complaints", { ...json({ ticket_id: 12 }), method: "PUT", headers });
  expect(app.request).toMatchObject({ ticketId: 12n, content: "at /old/complaints", openId: "o-1" });
});

test("old forms of values become the contract's", async () => {
  await using app = await startDialect(everywhere);
  await app.ask(
    "/old/contacts",
    form(`indentity=11010519491231002X&name=5&linkmanType=${encodeURI("儿童")}`),
  );
  expect(app.request.contact).toMatchObject({
    identityNumber: "11010519491231002X",
    name: "5",
    passengerType: 1,
  });
  const details = [{ seatType: "硬座", departureDate: "2026-12-01", trainNum: "K180" }];
  for (const body of [
    json({ ticketName: 5, ticketDetails: details, orderAmount: 80.01 }),
    json({ ticketName: "5", ticketDetails: details[0], orderAmount: "80.01" }),
    form(`ticketName=5&orderAmount=80.01&ticketDetails=${encodeURIComponent(JSON.stringify(details))}`),
    // A library's default type before a JSON body.
    form(JSON.stringify({ ticketName: "5", ticketDetails: JSON.stringify(details), orderAmount: 80.01 })),
  ]) {
    expect((await app.ask("/old/orders", body)).body).toBe("");
    expect(app.request).toMatchObject({ passengerName: "5", details, amount: 8001 });
  }
  const headers = { authorization: "Bearer service" };
  for (const [subscription, read] of [
    ["1", true],
    ["true", true],
    ["0", false],
  ] as const) {
    const body = new URLSearchParams({ openid: "o", subscription, data: '{"first":"tea"}' });
    await app.ask("POST /old/messages", { body, headers });
    expect(app.request).toMatchObject({ subscription: read, data: { first: "tea" } });
  }
});

test("what is wrong with a parameter is said by its old name", async () => {
  await using app = await startDialect(everywhere);
  const service = { authorization: "Bearer service" };
  const cases: [target: string, init: RequestInit, text: string][] = [
    ["PUT /old/complaints", { headers: service }, "ticketID: missing"],
    ["PUT /old/complaints", { ...json({ ticketID: "" }), method: "PUT" }, "ticketID: missing"],
    [
      "PUT /old/complaints",
      { ...json({ ticket_id: "tea" }), method: "PUT" },
      "ticket_id: expected uint64, got a string",
    ],
    [
      "PUT /old/complaints",
      { ...json({ ticketID: "1", ticket_id: 2 }), method: "PUT" },
      "ticketID: given twice",
    ],
    ["/old/tickets?limit=ten", {}, "limit: expected int32, got a string"],
    [
      "/old/tickets?limit=1000",
      { headers: service },
      "limit: must be greater than or equal to 0 and less than or equal to 100",
    ],
    [
      "/old/tickets?status=CANCELLED,PAID",
      {},
      "status[1]: expected one of PENDING_PAYMENT, ALREADY_PAID, OVER_TIME, CANCELLED",
    ],
    ["/old/contacts", json({ name: "a" }), "indentity: missing"],
    ["/old/contacts", json({ indentity: "1" }), "indentity: does not match regex pattern"],
    [
      "/old/contacts",
      json({ indentity: "1", linkmanType: "constructor" }),
      "linkmanType: expected one of 成人, 儿童",
    ],
    ["/old/orders", json({ orderAmount: "tea" }), "orderAmount: malformed"],
    ["/old/orders", form("ticketName=a&orderAmount=1&ticketDetails=%5B"), "ticketDetails: not valid JSON"],
    [
      "/old/orders",
      json({
        ticketName: "a",
        orderAmount: 1,
        ticketDetails: [{ seatType: "b", departureDate: "x", trainNum: "c" }],
      }),
      "ticketDetails[0].departure_date: does not match regex pattern",
    ],
    [
      "/old/messages",
      json({ openid: "o", subscription: "constructor" }),
      "subscription: expected bool, got a string",
    ],
    [
      "PUT /old/complaints",
      { method: "PUT", body: `{"ticketID":${"[".repeat(50_000)}${"]".repeat(50_000)}}` },
      "nested too deeply",
    ],
    ["/old/orders", json([1]), "expected a JSON object"],
    ["/old/orders", { ...json(0), body: "{,}" }, "expected a JSON object"],
    ["/old/orders", { ...json(0), body: Buffer.from([0x7b, 0xff]) }, "not valid UTF-8"],
    [
      "/old/orders",
      { method: "POST", headers: { "content-type": "application/xml" }, body: "<a/>" },
      "content-type: expected application/json or application/x-www-form-urlencoded",
    ],
  ];
  for (const [target, init, text] of cases) {
    const { status, body } = await app.ask(target, init);
    expect({ target, status, ...body }).toMatchObject({ status: 400, reason: "INVALID_REQUEST" });
    expect(body.text).toContain(`the request is not valid: ${text}`);
  }
  expect(app.calls).toEqual([]);
  expect(app.outcomes).toHaveLength(cases.length);
  expect(app.outcomes.every(({ call, error }) => call.arrival.door === "old" && error)).toBe(true);
});

test("an envelope holds the parameters, as an object or as text", async () => {
  const rail: Dialect = dialect(
    [
      route(Wx.method.login, {
        method: "POST",
        path: "/old/login",
        request: { code: { body: "code", required: true }, role: { outer: "userRole" } },
      }),
    ],
    { envelope: "data" },
  );
  await using app = await startDialect(rail);
  const data = { code: "c-1", userRole: "nobody" };
  for (const body of [
    json({ userRole: "business", data }),
    json({ userRole: "business", data: JSON.stringify(data) }),
    form(`userRole=business&data=${encodeURIComponent(JSON.stringify(data))}`),
  ]) {
    await app.ask("/old/login", body);
    expect(app.request).toMatchObject({ code: "c-1", role: "business" });
  }
  expect((await app.ask("/old/login", json({ userRole: "business", code: "c-1" }))).body.text).toContain(
    "code: missing",
  );
  for (const broken of ["[]", "tea", 5]) {
    const { body } = await app.ask("/old/login", json({ data: broken }));
    expect(body.text).toContain("data: expected a JSON object");
  }
});

test("a table that names what the RPC does not have does not compile", () => {
  const base = { method: "GET", path: "/old" } as const;
  type Spec = Parameters<typeof route<typeof Ticket.method.cancel>>[1];
  const specs: Spec[] = [
    // @ts-expect-error the request has no such field
    { ...base, request: { ticket: { query: "id" } } },
    // @ts-expect-error nowhere is no place
    { ...base, request: { ticketId: { nowhere: "id" } } },
    // @ts-expect-error the reply has no such field
    { ...base, answer: "tickets" },
    // @ts-expect-error the message in it has no such field
    { ...base, answer: { fields: { id: "ticket.id" } } },
    // @ts-expect-error the message in it has no such field
    { ...base, answer: { from: "ticket", fields: { id: "id" } } },
    // @ts-expect-error the field is no number
    { ...base, answer: { from: "ticket.ticketId", as: (id: number) => id } },
  ];
  expect(specs).toHaveLength(6);
  const fitting: Spec = {
    ...base,
    request: { ticketId: { query: "id" } },
    // The functions know the types of their fields.
    answer: {
      from: "ticket",
      fields: {
        yuan: { from: "price", as: (fen) => fen / 100 },
        at: { from: "payTime", as: (ms) => new Date(Number(ms)).toISOString() },
        movies: { from: "movieIds", as: (ids) => ids.join() },
      },
    },
    redirect: ({ request, reply }) => `${request.ticketId}${reply.ticket?.ticketId}`,
  };
  expect(fitting).toBeDefined();
});
