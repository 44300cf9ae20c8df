import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Aes, Rsa } from "wechatpay-axios-plugin";
import { standingClock } from "../simulator/start.ts";
import { merchant, open, platform, type Tweak } from "./shop.ts";

const path = "/v3/pay/transactions/jsapi";
const clock = standingClock();
const seconds = () => clock.now() / 1000;
let shop: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  shop = await open({ clock });
});
afterAll(() => shop[Symbol.asyncDispose]());

const prepay = (tweak: Tweak = {}) => shop.ask("POST", path, shop.order, tweak);

test("parameters in any order; a clock that is 300 s off", async () => {
  const order = ["signature", "serial_no", "timestamp", "nonce_str", "mchid"] as const;
  expect((await prepay({ order: [...order] })).status).toBe(200);
  for (const off of [-300, 300]) expect((await prepay({ at: seconds() + off })).status).toBe(200);
});

const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const strangers = Rsa.sign("x", other);
test.for<[name: string, field: string, tweak: () => Tweak]>([
  ["nothing", "Authorization", () => ({ headers: { authorization: "" } })],
  ["another scheme", "Authorization", () => ({ claims: { scheme: "WECHATPAY2-SM2-WITH-SM3" } })],
  ["another merchant", "mchid", () => ({ claims: { mchid: "1900000002" } })],
  ["another serial", "serial_no", () => ({ claims: { serial_no: platform.serial } })],
  ["301 s ago", "timestamp", () => ({ at: seconds() - 301 })],
  ["301 s ahead", "timestamp", () => ({ at: seconds() + 301 })],
  ["a time in ms", "timestamp", () => ({ at: clock.now() })],
  ["no nonce", "nonce_str", () => ({ claims: { nonce_str: undefined } })],
  ["another nonce", "signature", () => ({ claims: { nonce_str: "another" } })],
  ["a stranger's signature", "signature", () => ({ claims: { signature: strangers } })],
  ["a signature that is none", "signature", () => ({ claims: { signature: "!" } })],
  ["another body", "signature", () => ({ sent: { body: `${JSON.stringify(shop.order)} ` } })],
  ["another query", "signature", () => ({ sent: { target: `${path}?a=1` } })],
])("%s is refused by %s, signed", async ([, field, tweak]) => {
  const { status, body } = await prepay(tweak());
  expect([status, body.code, body.detail.field]).toEqual([401, "SIGN_ERROR", field]);
  expect(body.message).toContain(field);
  expect(body.detail.issue).toEqual(expect.any(String));
});

test("the refusal of a signature shows what was to be signed", async () => {
  const { body } = await prepay({ nonce: "n1", claims: { signature: "" } });
  expect(body.detail.sign_information).toMatchObject({
    method: "POST",
    url: path,
    truncated_sign_message: expect.stringMatching(
      /^POST\n\/v3\/pay\/transactions\/jsapi\n1893456000\nn1\n\{/,
    ),
  });
});

test("a nonce works once, and a forged request does not use it up", async () => {
  await using shop = await open({ clock });
  const ask = (tweak: Tweak = {}) => shop.ask("POST", path, shop.order, { nonce: "once", ...tweak });
  expect((await ask({ claims: { signature: "" } })).status).toBe(401);
  expect((await ask()).status).toBe(200);
  const again = await ask();
  expect([again.status, again.body.detail.field]).toEqual([401, "nonce_str"]);
});

test("a nonce works once as long as its time is good", async () => {
  const clock = standingClock();
  await using shop = await open({ clock });
  const ahead = { nonce: "ahead", at: clock.now() / 1000 + 300 };
  expect((await shop.ask("POST", path, shop.order, ahead)).status).toBe(200);
  clock.pass(600_000);
  // Another one makes room for itself.
  expect((await shop.ask("POST", path, shop.order)).status).toBe(200);
  expect((await shop.ask("POST", path, shop.order, ahead)).body.detail.field).toBe("nonce_str");
});

test("the target is signed as it was sent, with its escapes", async () => {
  const no = "a-b|c*d_e";
  await shop.prepay({ out_trade_no: no });
  for (const escaped of [no.replace("|", "%7C"), "%61-b%7cc%2Ad_e"]) {
    expect((await shop.query(escaped)).body.out_trade_no).toBe(no);
  }
});

test("answers are signed by the key that the merchant names, 204 and unknown paths too", async () => {
  const named = await prepay({ headers: { "wechatpay-serial": platform.publicKeyId } });
  expect(named.headers["wechatpay-serial"]).toBe(platform.publicKeyId);
  expect(named.headers["wechatpay-signature-type"]).toBe("WECHATPAY2-SHA256-RSA2048");
  expect(named.headers["wechatpay-timestamp"]).toBe(String(seconds()));
  const unnamed = await prepay();
  expect(unnamed.headers["wechatpay-serial"]).toBe(platform.serial);
  const ids = [named, unnamed].map(({ headers }) => headers["request-id"]);
  expect(new Set([...ids, undefined]).size).toBe(3);

  await shop.prepay({ out_trade_no: "to-close" });
  expect(await shop.closeOrder("to-close")).toMatchObject({ status: 204, body: undefined });
  expect(await shop.ask("GET", "/v3/nosuch")).toMatchObject({
    status: 404,
    body: { code: "RESOURCE_NOT_EXISTS" },
  });
  expect((await shop.ask("GET", path)).status).toBe(405);
  const unsigned = await shop.ask("GET", "/v3/nosuch", undefined, { headers: { authorization: "" } });
  expect(unsigned.status).toBe(401);
});

test("the list of certificates, decrypted by the oracle, is the platform's certificate", async () => {
  const { status, body } = await shop.ask("GET", "/v3/certificates");
  expect([status, body.data.length]).toEqual([200, 1]);
  const [{ serial_no, effective_time, expire_time, encrypt_certificate: secret }] = body.data;
  expect(serial_no).toBe(platform.serial);
  expect(Date.parse(effective_time)).toBeLessThan(clock.now());
  expect(Date.parse(expire_time)).toBeGreaterThan(clock.now());
  const { ciphertext, nonce, associated_data } = secret;
  expect(Aes.AesGcm.decrypt(ciphertext, merchant.apiV3Key, nonce, associated_data)).toBe(
    platform.certificate,
  );
});

test("the oracle's own client verifies the answers", async () => {
  await using shop = await open();
  for (const serial of [platform.serial, platform.publicKeyId]) {
    const { v3 } = shop.client({ [serial]: platform.certificate });
    const config = { headers: { "Wechatpay-Serial": serial } };
    const { data } = await v3.pay.transactions.jsapi.post(shop.order, config);
    expect(data.prepay_id).toMatch(/^wx\d{14}[0-9a-f]{20}$/);
    const params = { mchid: merchant.mchid };
    const { data: found } = await v3.pay.transactions.outTradeNo.lu0001.get({ params, ...config });
    expect(found).toMatchObject({ out_trade_no: "lu0001", trade_state: "NOTPAY" });
  }
  // It would notice another key.
  const { v3 } = shop.client({ [platform.serial]: merchant.certificate });
  await expect(v3.pay.transactions.jsapi.post(shop.order)).rejects.toThrow("failed");
});
