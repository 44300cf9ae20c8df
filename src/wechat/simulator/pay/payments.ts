import { person } from "../login.ts";
import { isObject, type Routes, type SimReply, type SimRequest } from "../router.ts";
import { sandboxMerchant, sandboxPlatform } from "../sandbox-app.ts";
import { remember, type Simulation } from "../state.ts";
import { rfc3339 } from "./notify.ts";
import { answer, checkRequest, encrypted, PayRefusal } from "./signing.ts";
import type { Payment } from "./state.ts";

const prepaidMs = 2 * 3600_000;

type Work = (request: SimRequest) => { status: number; value?: unknown };

/** Makes a handler of a `/v3/` path: the request's signature checked, the answer signed, a refusal too. */
export function payHandler(sim: Simulation, work: Work): (request: SimRequest) => SimReply {
  return (request) => {
    try {
      checkRequest(sim, request);
      return answer(sim, request, work(request));
    } catch (error) {
      if (!(error instanceof PayRefusal)) throw error;
      const { status, code, message } = error;
      return answer(sim, request, { status, value: { code, message } });
    }
  };
}

/** The fields of a request. @throws PayRefusal PARAM_ERROR */
export function payBody({ body }: SimRequest): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw param("the body is no JSON");
  }
  if (!isObject(value)) throw param("the body is no object");
  return value;
}

export function param(message: string): PayRefusal {
  return new PayRefusal(400, "PARAM_ERROR", message);
}

/** A text of the request. */
export function text(body: Record<string, unknown>, name: string, form: RegExp): string {
  const value = body[name];
  if (typeof value !== "string" || !form.test(value)) throw param(`${name} does not fit`);
  return value;
}

/** http is for the loopback host alone; a query would be lost. */
export function notifyUrl(body: Record<string, unknown>): string {
  const url = text(body, "notify_url", /^https?:\/\/[^?#\s]{1,240}$/);
  const { protocol, hostname } = new URL(url);
  const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname);
  if (protocol !== "https:" && !loopback) throw param("notify_url must be https");
  return url;
}

/** A whole number of fen. */
export function fen(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw param(`${name} must be a whole number of fen`);
  return value as number;
}

/** Asking for payments, and about them. */
export function paymentRoutes(sim: Simulation): Routes {
  const { payments } = sim.state.pay;
  const byNumber = ({ params }: SimRequest) => known(payments.get(params.no ?? ""));
  const byId = ({ params }: SimRequest) =>
    known([...payments.values()].find(({ transactionId }) => transactionId && transactionId === params.id));
  const asked =
    (find: (request: SimRequest) => Payment): Work =>
    (request) => {
      if (request.query.get("mchid") !== sandboxMerchant.mchid) throw param("mchid does not fit");
      return { status: 200, value: transaction(find(request)) };
    };

  return {
    "POST /v3/pay/transactions/jsapi": payHandler(sim, (request) => ({
      status: 200,
      value: { prepay_id: prepay(sim, payBody(request)).prepayId },
    })),
    "GET /v3/pay/transactions/out-trade-no/{no}": payHandler(sim, asked(byNumber)),
    "GET /v3/pay/transactions/id/{id}": payHandler(sim, asked(byId)),
    "POST /v3/pay/transactions/out-trade-no/{no}/close": payHandler(sim, (request) => {
      if (payBody(request).mchid !== sandboxMerchant.mchid) throw param("mchid does not fit");
      const payment = byNumber(request);
      if (payment.transactionId) throw new PayRefusal(400, "ORDERPAID", "the order is paid");
      payment.state = "CLOSED";
      return { status: 204 };
    }),
    "GET /v3/certificates": payHandler(sim, () => ({ status: 200, value: { data: [certificate(sim)] } })),
  };
}

function known(payment: Payment | undefined): Payment {
  if (!payment) throw new PayRefusal(404, "ORDER_NOT_EXIST", "there is no such order");
  return payment;
}

function prepay(sim: Simulation, body: Record<string, unknown>): Payment {
  if (text(body, "mchid", /./) !== sandboxMerchant.mchid) throw param("mchid does not fit");
  if (text(body, "appid", /./) !== sim.appid)
    throw new PayRefusal(400, "APPID_MCHID_NOT_MATCH", "appid does not fit");
  const outTradeNo = text(body, "out_trade_no", /^[0-9A-Za-z_\-|*]{6,32}$/);
  const description = text(body, "description", /./s);
  if (Buffer.byteLength(description) > 127 || /[\u{10000}-\u{10ffff}]/u.test(description)) {
    throw param("description is longer than 127 bytes or has characters of four");
  }
  const { amount, payer } = body;
  if (!isObject(amount) || (amount.currency ?? "CNY") !== "CNY") throw param("amount does not fit");
  const total = fen(amount.total, "amount.total");
  if (!isObject(payer)) throw param("payer is missing");
  const openid = text(payer, "openid", /^[\x21-\x7e]{1,128}$/);
  const wanted = { appid: sim.appid, openid, description, total, notifyUrl: notifyUrl(body) };
  person(sim, openid);

  const before = sim.state.pay.payments.get(outTradeNo);
  const prepaid = { prepayId: prepayId(sim), prepaidUntil: sim.now() + sim.scaled(prepaidMs) };
  if (!before) {
    return remember(sim.state.pay.payments, outTradeNo, {
      ...wanted,
      ...prepaid,
      outTradeNo,
      state: "NOTPAY",
      transactionId: "",
      paidAt: 0,
      createdAt: sim.now(),
      notifications: [],
    });
  }
  if (before.transactionId) throw new PayRefusal(400, "ORDERPAID", "the order is paid");
  if (before.state === "CLOSED") throw new PayRefusal(400, "ORDER_CLOSED", "the order is closed");
  const same = Object.entries(wanted).every(([name, value]) => before[name as keyof Payment] === value);
  if (!same) throw new PayRefusal(400, "INVALID_REQUEST", "the order is known with other parameters");
  if (before.prepaidUntil <= sim.now()) Object.assign(before, prepaid);
  return before;
}

function prepayId(sim: Simulation): string {
  const digits = rfc3339(sim.now()).replace(/\D/g, "").slice(0, 14);
  return `wx${digits}${sim.random(10).toString("hex")}`;
}

/** A payment as WeChat Pay tells of it. */
export function transaction({ outTradeNo, appid, state, ...payment }: Payment): Record<string, unknown> {
  const paid = payment.transactionId !== "";
  return {
    appid,
    mchid: sandboxMerchant.mchid,
    out_trade_no: outTradeNo,
    ...(paid ? { transaction_id: payment.transactionId, bank_type: "OTHERS" } : {}),
    trade_type: "JSAPI",
    trade_state: state,
    trade_state_desc: state,
    attach: "",
    ...(paid ? { success_time: rfc3339(payment.paidAt) } : {}),
    payer: { openid: payment.openid },
    amount: {
      total: payment.total,
      currency: "CNY",
      ...(paid ? { payer_total: payment.total, payer_currency: "CNY" } : {}),
    },
  };
}

function certificate(sim: Simulation) {
  const { serial, certificate: pem } = sandboxPlatform;
  return {
    serial_no: serial,
    effective_time: "2026-11-23T09:29:38+08:00",
    expire_time: "2126-10-30T09:29:38+08:00",
    encrypt_certificate: encrypted(sim, pem, "certificate"),
  };
}
