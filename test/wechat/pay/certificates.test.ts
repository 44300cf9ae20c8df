import { expect, test } from "vitest";
import type { Pay } from "../../../src/wechat/pay/pay.ts";
import { failure, printed } from "../failure.ts";
import {
  type Asked,
  certificateList,
  certificatePayAt,
  encrypted,
  merchant,
  order,
  paid,
  platform,
  type Reply,
  type Seal,
  sandboxPlatform,
  sealed,
  standingClock,
} from "./platform.ts";

/** WeChat Pay's certificate, and the one that it will change to. */
const current = sandboxPlatform;
const { serial, certificate, privateKey } = merchant;
const next = { serial, certificate, privateKey };

const path = "/v3/certificates";
const isList = (asked: Asked) => asked.path === path;

function signedWith({ serial, privateKey }: typeof next, body: unknown = paid): Reply {
  return { body, seal: { serial, privateKey } };
}

/** A WeChat Pay in certificate mode; `list` answers for the certificates, `key` signs all else. */
async function certified({ list = certificateList([current]), key = current as typeof next } = {}) {
  const state = { list, key };
  const clock = standingClock();
  const sealedNow = (reply: Reply): Reply => ({ ...reply, seal: { at: clock.now() / 1000, ...reply.seal } });
  const server = await platform((asked) => sealedNow(isList(asked) ? state.list : signedWith(state.key)));
  const fetched = () => server.asked.filter(isList).length;
  return { ...server, state, clock, fetched, pay: certificatePayAt(server.url, { clock }) };
}

function notify(pay: Pay, seal: Seal) {
  const body = JSON.stringify({
    id: "EV-1",
    event_type: "TRANSACTION.SUCCESS",
    resource: encrypted(JSON.stringify(paid)),
  });
  const headers = sealed(body, seal);
  return pay.readNotification({ header: (name) => headers[name], body: Buffer.from(body) });
}

test("the certificates are fetched once, for answers and notifications", async () => {
  await using wx = await certified();
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  expect(await notify(wx.pay, current)).toMatchObject({ kind: "payment" });
  expect(wx.fetched()).toBe(1);
  expect(wx.asked.every(({ signed }) => signed)).toBe(true);
  expect(wx.asked[0]?.headers).not.toHaveProperty("wechatpay-serial");
});

test("many at once share one fetch", async () => {
  await using wx = await certified();
  const calls = Array.from({ length: 8 }, () => wx.pay.query(order.outTradeNo));
  const notices = Array.from({ length: 8 }, () => notify(wx.pay, current));
  expect(await Promise.all([...calls, ...notices])).toHaveLength(16);
  expect(wx.fetched()).toBe(1);
});

test("a serial in lower case or with zeros before it is the same", async () => {
  const zeros = { ...current, serial: `0${current.serial.toLowerCase()}` };
  await using wx = await certified({ list: certificateList([zeros]), key: current });
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
});

test("a new certificate is fetched when it turns up, the old one stays good meanwhile", async () => {
  await using wx = await certified();
  await wx.pay.query(order.outTradeNo);
  wx.state.list = certificateList([current, next]);
  wx.clock.pass(60_000);
  const at = wx.clock.now() / 1000;
  expect(await notify(wx.pay, { ...next, at })).toMatchObject({ kind: "payment" });
  expect(await notify(wx.pay, { ...current, at })).toMatchObject({ kind: "payment" });
  expect(wx.fetched()).toBe(2);
});

test("serials that somebody made up don't make us ask WeChat Pay each time", async () => {
  await using wx = await certified();
  await wx.pay.query(order.outTradeNo);
  for (let n = 0; n < 50; n++) {
    const error = await failure(notify(wx.pay, { ...current, serial: `ABCDEF${n}` }));
    expect(error.reason).toBe("WX_SIGNATURE_INVALID");
  }
  expect(wx.fetched()).toBe(1);
  wx.clock.pass(60_000);
  const at = wx.clock.now() / 1000;
  for (let n = 0; n < 50; n++) {
    await failure(notify(wx.pay, { ...current, serial: `ABCDEF${n}`, at }));
  }
  expect(wx.fetched()).toBe(2);
  expect(await notify(wx.pay, { ...current, at })).toMatchObject({ kind: "payment" });
});

test("what can be no serial, or is no signature, is refused without a fetch", async () => {
  await using wx = await certified();
  for (const seal of [{ serial: sandboxPlatform.publicKeyId }, { serial: "F".repeat(41) }, { at: 1 }]) {
    expect((await failure(notify(wx.pay, { ...current, ...seal }))).reason).toBe("WX_SIGNATURE_INVALID");
  }
  expect(wx.fetched()).toBe(0);
});

test("a certificate that was called back is forgotten with the next fetch", async () => {
  await using wx = await certified();
  await wx.pay.query(order.outTradeNo);
  wx.state.list = certificateList([next]);
  wx.state.key = next;
  wx.clock.pass(11 * 3600_000);
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  const error = await failure(notify(wx.pay, { ...current, at: wx.clock.now() / 1000 }));
  expect(error.reason).toBe("WX_SIGNATURE_INVALID");
  expect(wx.fetched()).toBe(2);
});

test("old certificates go on being used while no new ones can be had", async () => {
  await using wx = await certified();
  await wx.pay.query(order.outTradeNo);
  wx.state.list = { status: 500, body: { code: "SYSTEM_ERROR" } };
  wx.clock.pass(12 * 3600_000);
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  expect(wx.fetched()).toBe(2);
});

test("a certificate outside its validity is not used", async () => {
  const before = standingClock(Date.UTC(2019, 0, 1));
  const after = standingClock(Date.UTC(2121, 0, 1));
  for (const clock of [before, after]) {
    const at = clock.now() / 1000;
    await using wx = await platform((asked) =>
      isList(asked)
        ? { ...certificateList([current]), seal: { ...current, at } }
        : { body: paid, seal: { ...current, at } },
    );
    const pay = certificatePayAt(wx.url, { clock });
    expect((await failure(pay.query(order.outTradeNo))).reason).toBe("WX_UNAVAILABLE");
    expect((await failure(notify(pay, { ...current, at }))).reason).not.toBe("INVALID_REQUEST");
  }
});

const entry = (await certificateList([current]).body) as { data: Record<string, unknown>[] };
const changed = (more: Record<string, unknown>): Reply => ({
  ...certificateList([current]),
  body: { data: [{ ...entry.data[0], ...more }] },
});

test.for<[name: string, list: Reply, why: string]>([
  ["signed with none of them", { ...certificateList([current]), seal: next }, "serial that is not"],
  [
    "signed with another key",
    { ...certificateList([current]), seal: { serial: current.serial, privateKey } },
    "not fit",
  ],
  [
    "not signed",
    { ...certificateList([current]), headers: { "wechatpay-signature": undefined } },
    "no wechatpay-",
  ],
  ["of an hour ago", { ...certificateList([current]), seal: { ...current, at: 1 } }, "more than 300 s"],
  [
    "altered on the way",
    { ...certificateList([current]), sent: JSON.stringify(entry).replace("{", "{ ") },
    "not fit",
  ],
  ["under another serial number", changed({ serial_no: next.serial }), "data[0].serial_no: not the"],
  [
    "encrypted with another key",
    changed({ encrypt_certificate: { ...encrypted("x"), nonce: "y".repeat(12) } }),
    "APIv3 key",
  ],
  [
    "that are none",
    changed({ encrypt_certificate: encrypted("not a certificate") }),
    "data[0]: no certificate",
  ],
  [
    "that are endless",
    changed({ encrypt_certificate: encrypted(" ".repeat(9000)) }),
    "data[0]: no certificate",
  ],
  ["without a list", { ...certificateList([current]), body: {} }, "data: no list"],
  ["of nobody", { ...certificateList([current]), body: { data: [] } }, "serial that is not"],
  ["in a refusal", { ...certificateList([current]), status: 500 }, "no certificates"],
  ["refused", { status: 401, body: { code: "SIGN_ERROR" }, seal: current }, "HTTP 401 SIGN_ERROR"],
  [
    "not there",
    { status: 404, body: { code: "RESOURCE_NOT_EXISTS" }, headers: { "wechatpay-serial": undefined } },
    "HTTP 404 RESOURCE_NOT_EXISTS",
  ],
])("certificates %s count for nothing", async ([, list, words]) => {
  await using wx = await platform((asked) => (isList(asked) ? list : signedWith(current)));
  const pay = certificatePayAt(wx.url);
  const error = await failure(pay.query(order.outTradeNo));
  expect(error.reason).toBe("WX_UNAVAILABLE");
  expect((error.cause as Error).message).toContain(words);
  expect(printed(error)).not.toContain(merchant.apiV3Key);
  expect((await failure(notify(pay, current))).reason).toBe("WX_UNAVAILABLE");
  // A pause after a failure too.
  expect(wx.asked.filter(isList)).toHaveLength(1);
});

test("after a failure they are fetched again in 5 s", async () => {
  await using wx = await certified({ list: { status: 503, body: "<html>" } });
  expect((await failure(wx.pay.query(order.outTradeNo))).reason).toBe("WX_UNAVAILABLE");
  wx.state.list = certificateList([current]);
  expect((await failure(wx.pay.query(order.outTradeNo))).reason).toBe("WX_UNAVAILABLE");
  wx.clock.pass(5_000);
  expect(await wx.pay.query(order.outTradeNo)).toMatchObject({ tradeState: "SUCCESS" });
  expect(wx.fetched()).toBe(2);
});

test("a caller who leaves does not end the fetch that others wait for", async () => {
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  await using wx = await platform(async (one) => {
    if (!isList(one)) return signedWith(current);
    asked.resolve();
    await goOn.promise;
    return certificateList([current]);
  });
  const pay = certificatePayAt(wx.url);
  const stop = new AbortController();
  const leaving = failure(pay.query(order.outTradeNo, stop.signal));
  await asked.promise;
  const staying = pay.query(order.outTradeNo);
  stop.abort();
  expect((await leaving).reason).toBe("CALL_CANCELLED");
  goOn.resolve();
  expect(await staying).toMatchObject({ tradeState: "SUCCESS" });
  expect(wx.asked.filter(isList)).toHaveLength(1);
});
