import { expect, test } from "vitest";
import type { Pay } from "../../../src/wechat/pay/pay.ts";
import { failure, printed } from "../failure.ts";
import {
  encrypted,
  type Headers,
  merchant,
  now,
  order,
  paid,
  payAt,
  refund,
  refunded,
  type Seal,
  sandboxPlatform,
  sealed,
  standingClock,
  transaction,
} from "./platform.ts";

const at = now / 1000;

interface Notice {
  id: string;
  event_type: string;
  resource: unknown;
  [name: string]: unknown;
}

function notice(content: unknown, more: Partial<Notice> = {}): Notice {
  return {
    id: "EV-2030010112000100",
    create_time: "2030-01-01T12:00:01+08:00",
    resource_type: "encrypt-resource",
    event_type: "TRANSACTION.SUCCESS",
    summary: "支付成功",
    resource: { original_type: "transaction", ...encrypted(JSON.stringify(content)) },
    ...more,
  };
}

type Sent = { body: string | Uint8Array; headers: Headers };

function signed(content: Notice | string | Uint8Array, seal?: Seal): Sent {
  const raw = typeof content === "string" || content instanceof Uint8Array;
  const body = raw ? content : JSON.stringify(content);
  return { body, headers: sealed(body, seal) };
}

function read(pay: Pay, { body, headers }: Sent) {
  return pay.readNotification({ header: (name) => headers[name], body: Buffer.from(body) });
}

const pay = payAt("http://127.0.0.1:1");

test("a payment is read", async () => {
  expect(await read(pay, signed(notice(paid)))).toEqual({
    kind: "payment",
    id: "EV-2030010112000100",
    transaction,
  });
});

test("it comes again and is read again", async () => {
  const sent = signed(notice(paid));
  expect(await read(pay, sent)).toEqual(await read(pay, sent));
});

const { status: _, ...refundNotice } = { ...refunded, mchid: merchant.mchid };

test.for([
  ["REFUND.SUCCESS", "SUCCESS", refund.successTime],
  ["REFUND.ABNORMAL", "ABNORMAL", 0],
  ["REFUND.CLOSED", "CLOSED", 0],
] as const)("%s is read", async ([event_type, refund_status, successTime]) => {
  const { amount, success_time } = refunded;
  const { currency: _, ...amounts } = amount;
  const content = {
    ...refundNotice,
    refund_status,
    success_time: refund_status === "SUCCESS" ? success_time : undefined,
    amount: amounts,
  };
  expect(await read(pay, signed(notice(content, { event_type })))).toEqual({
    kind: "refund",
    id: "EV-2030010112000100",
    mchid: merchant.mchid,
    refund: { ...refund, status: refund_status, successTime },
  });
});

test("an event of another kind is told by its name, and not opened", async () => {
  const content = notice(paid, { event_type: "PAYSCORE.USER_CONFIRM", resource: { algorithm: "NEW" } });
  expect(await read(pay, signed(content))).toEqual({
    kind: "other",
    id: "EV-2030010112000100",
    eventType: "PAYSCORE.USER_CONFIRM",
  });
});

test("a wrong appid, merchant or amount is handed over: the payment's owner compares", async () => {
  const content = { ...paid, appid: "wx0", mchid: "1", amount: { total: 1 } };
  expect(await read(pay, signed(notice(content)))).toMatchObject({
    transaction: { appid: "wx0", mchid: "1", total: 1 },
  });
});

const goodText = JSON.stringify(notice(paid));
const good = signed(goodText);
const headersWith = (more: Record<string, string | undefined>): Sent => {
  const all = Object.entries({ ...good.headers, ...more });
  const left = all.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...good, headers: Object.fromEntries(left) };
};

const forgeries: [name: string, sent: Sent, why: string][] = [
  ["nothing of a signature", { ...good, headers: {} }, "no wechatpay-timestamp"],
  ["an altered body", { ...good, body: goodText.replace("EV-", "EW-") }, "does not fit"],
  ["a body formatted anew", { ...good, body: JSON.stringify(notice(paid), null, 1) }, "does not fit"],
  ["a body cut short", { ...good, body: goodText.slice(0, -1) }, "does not fit"],
  ["no body", { ...good, body: "" }, "does not fit"],
  ["an altered nonce", headersWith({ "wechatpay-nonce": "other" }), "does not fit"],
  ["an altered timestamp", headersWith({ "wechatpay-timestamp": `${at - 1}` }), "does not fit"],
  [
    "another's signature",
    headersWith({ "wechatpay-signature": sealed("{}")["wechatpay-signature"] }),
    "not fit",
  ],
  ["a timestamp that is none", headersWith({ "wechatpay-timestamp": `${at}.5` }), "wechatpay-timestamp"],
  ["a nonce of two lines", headersWith({ "wechatpay-nonce": "a\nb" }), "wechatpay-nonce"],
  ["no nonce", headersWith({ "wechatpay-nonce": undefined }), "no wechatpay-nonce"],
  ["no serial", headersWith({ "wechatpay-serial": undefined }), "no wechatpay-serial"],
  ["no signature", headersWith({ "wechatpay-signature": undefined }), "no wechatpay-signature"],
  [
    "a test signature",
    headersWith({ "wechatpay-signature": `WECHATPAY/SIGNTEST/${good.headers["wechatpay-signature"]}` }),
    "a test of WeChat Pay's",
  ],
  ["a signature in no base64", headersWith({ "wechatpay-signature": "<>" }), "wechatpay-signature"],
  ["another kind", headersWith({ "wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3" }), "another kind"],
  ["another key", signed(notice(paid), { privateKey: merchant.privateKey }), "does not fit"],
  ["the merchant's serial", signed(notice(paid), { serial: merchant.serial }), "serial that is not"],
  [
    "the certificate's serial",
    signed(notice(paid), { serial: sandboxPlatform.serial }),
    "serial that is not",
  ],
  ["a serial in lower case", headersWith({ "wechatpay-serial": "pub_key_id_5a0d" }), "serial that is not"],
  ["301 s ago", signed(notice(paid), { at: at - 301 }), "more than 300 s"],
  ["301 s to come", signed(notice(paid), { at: at + 301 }), "more than 300 s"],
];

test.for(forgeries)("a notification with %s is refused", async ([, sent, words]) => {
  const error = await failure(read(pay, sent));
  expect(error.reason).toBe("WX_SIGNATURE_INVALID");
  expect((error.cause as Error).message).toContain(words);
  expect(error.metadata).toEqual({});
  expect(printed(error)).not.toContain(merchant.apiV3Key);
});

test("a notification that was good is refused when it is played again later", async () => {
  const clock = standingClock();
  const later = payAt("http://127.0.0.1:1", { clock });
  clock.pass(300_000);
  expect(await read(later, good)).toMatchObject({ kind: "payment" });
  clock.pass(1000);
  expect((await failure(read(later, good))).reason).toBe("WX_SIGNATURE_INVALID");
});

const sealedPayment = encrypted(JSON.stringify(paid));

function withCiphertext(change: (bytes: Buffer) => Buffer): Notice {
  const ciphertext = change(Buffer.from(sealedPayment.ciphertext, "base64")).toString("base64");
  return notice(paid, { resource: { ...sealedPayment, ciphertext } });
}

function flipped(bytes: Buffer, index: number): Buffer {
  bytes[index] = 255 - (bytes[index] ?? 0);
  return bytes;
}

function brokenText(): Buffer {
  const bytes = Buffer.from(goodText);
  bytes[bytes.indexOf("EV-")] = 0xff;
  return bytes;
}

const nonsense: [name: string, content: Notice | string | Uint8Array, field: string][] = [
  ["half a JSON", JSON.stringify(notice(paid)).slice(0, -1), ""],
  ["a list", "[]", ""],
  ["bytes that are no UTF-8", brokenText(), ""],
  ["no id", notice(paid, { id: "" }), "id"],
  ["an id in figures", { ...notice(paid), id: 7 as unknown as string }, "id"],
  ["no event type", { ...notice(paid), event_type: undefined as unknown as string }, "event_type"],
  ["no resource", notice(paid, { resource: null }), "resource"],
  [
    "another algorithm",
    notice(paid, { resource: { ...sealedPayment, algorithm: "AES-256-ECB" } }),
    "resource.algorithm",
  ],
  [
    "a nonce of 11 bytes",
    notice(paid, { resource: { ...sealedPayment, nonce: "x".repeat(11) } }),
    "resource.nonce",
  ],
  [
    "a nonce of 16 bytes",
    notice(paid, { resource: { ...sealedPayment, nonce: "x".repeat(16) } }),
    "resource.nonce",
  ],
  [
    "a nonce of 12 characters",
    notice(paid, { resource: { ...sealedPayment, nonce: "é".repeat(12) } }),
    "resource.nonce",
  ],
  [
    "another nonce",
    notice(paid, { resource: { ...sealedPayment, nonce: "x".repeat(12) } }),
    "resource.ciphertext",
  ],
  ["an altered ciphertext", withCiphertext((bytes) => flipped(bytes, 0)), "resource.ciphertext"],
  ["an altered tag", withCiphertext((bytes) => flipped(bytes, bytes.length - 1)), "resource.ciphertext"],
  ["a ciphertext without its tag", withCiphertext((bytes) => bytes.subarray(0, -16)), "resource.ciphertext"],
  ["a ciphertext of 15 bytes", withCiphertext((bytes) => bytes.subarray(0, 15)), "resource.ciphertext"],
  [
    "no ciphertext",
    notice(paid, { resource: { ...sealedPayment, ciphertext: undefined } }),
    "resource.ciphertext",
  ],
  [
    "other associated data",
    notice(paid, { resource: { ...sealedPayment, associated_data: "refund" } }),
    "resource.ciphertext",
  ],
  [
    "no associated data",
    notice(paid, { resource: { ...sealedPayment, associated_data: "" } }),
    "resource.ciphertext",
  ],
  ["a list inside", notice([paid]), "resource.ciphertext"],
  ["an unknown state", notice({ ...paid, trade_state: "PAID" }), "resource.ciphertext.trade_state"],
  ["an amount in yuan", notice({ ...paid, amount: { total: 18.5 } }), "resource.ciphertext.amount.total"],
  ["no amount", notice({ ...paid, amount: undefined }), "resource.ciphertext.amount"],
  ["no payer", notice({ ...paid, payer: undefined }), "resource.ciphertext.payer"],
  [
    "a time without an offset",
    notice({ ...paid, success_time: "2030-01-01T12:00:01" }),
    "resource.ciphertext.success_time",
  ],
  [
    "a payment for a refund",
    notice(paid, { event_type: "REFUND.SUCCESS" }),
    "resource.ciphertext.refund_status",
  ],
  [
    "a refund of nobody",
    notice({ ...refundNotice, mchid: "", refund_status: "SUCCESS" }, { event_type: "REFUND.SUCCESS" }),
    "resource.ciphertext.mchid",
  ],
];

test.for(nonsense)("a signed notification with %s is INVALID_REQUEST", async ([, content, field]) => {
  const error = await failure(read(pay, signed(content)));
  expect(error.reason).toBe("INVALID_REQUEST");
  expect(error.violations.map((violation) => violation.field)).toEqual([field]);
  const shown = printed(error);
  expect(shown).not.toContain(merchant.apiV3Key);
  expect(shown).not.toContain(order.openid);
  expect(shown).not.toContain(paid.transaction_id);
});

test("an empty associated_data and a missing one are the same", async () => {
  const { associated_data: _, ...without } = encrypted(JSON.stringify(paid), "");
  for (const resource of [
    without,
    { ...without, associated_data: "" },
    { ...without, associated_data: null },
  ]) {
    expect(await read(pay, signed(notice(paid, { resource })))).toMatchObject({ kind: "payment" });
  }
});

test("what was encrypted with another key does not open", async () => {
  const other = payAt("http://127.0.0.1:1", { apiV3Key: "x".repeat(32) });
  const error = await failure(read(other, good));
  expect(error.reason).toBe("INVALID_REQUEST");
  expect((error.cause as Error).message).toContain("APIv3 key");
});
