import { X509Certificate } from "node:crypto";
import { person } from "../login.ts";
import type { Routes, SimRequest } from "../router.ts";
import { sandboxPlatform } from "../sandbox-app.ts";
import { remember, type Simulation } from "../state.ts";
import { checkMchid, type Fields, fen, group, notifyUrl, payFields, remark, text } from "./fields.ts";
import { payHandler } from "./handler.ts";
import { unfit, wrongField } from "./refusal.ts";
import { encrypted, rfc3339 } from "./sealing.ts";
import type { Payment } from "./state.ts";
import { transaction } from "./transaction.ts";

const prepaidMs = 2 * 3600_000;

/** Asking for payments, and about them (https://pay.weixin.qq.com/doc/v3/merchant/4012791856). */
export function paymentRoutes(sim: Simulation): Routes {
  const { payments } = sim.state.pay;

  function named({ params }: SimRequest): Payment {
    return known(payments.get(params.no ?? ""));
  }
  function numbered({ params }: SimRequest): Payment {
    return known([...payments.values()].find(({ paid }) => paid?.transactionId === params.id));
  }
  const query = (find: (request: SimRequest) => Payment) =>
    payHandler(sim, (request) => {
      checkMchid(request.query.get("mchid"));
      return transaction(sim, find(request));
    });

  return {
    "POST /v3/pay/transactions/jsapi": payHandler(sim, (request) => {
      const order = readOrder(sim, payFields(request));
      return { prepay_id: prepay(sim, order, request.headers["wechatpay-serial"]).prepayId };
    }),
    "GET /v3/pay/transactions/out-trade-no/{no}": query(named),
    "GET /v3/pay/transactions/id/{id}": query(numbered),
    "POST /v3/pay/transactions/out-trade-no/{no}/close": payHandler(sim, (request) => {
      checkMchid(payFields(request).mchid);
      const payment = named(request);
      if (payment.paid) throw unfit("the order is paid", "ORDERPAID");
      payment.closed = true;
      return undefined;
    }),
    "GET /v3/certificates": payHandler(sim, () => ({ data: [certificate(sim)] })),
  };
}

function known(payment: Payment | undefined): Payment {
  if (!payment) throw unfit("there is no such order", "ORDER_NOT_EXIST", 404);
  return payment;
}

/** What must be the same when an order is sent again. */
type Order = Pick<Payment, "outTradeNo" | "openid" | "description" | "attach" | "total" | "notifyUrl">;

/** @throws PayRefusal PARAM_ERROR, APPID_MCHID_NOT_MATCH */
function readOrder({ appid }: Simulation, body: Fields): Order {
  checkMchid(body.mchid);
  if (text(body, "appid", /./) !== appid) {
    throw unfit("the appid is not bound to the merchant", "APPID_MCHID_NOT_MATCH");
  }
  const outTradeNo = text(body, "out_trade_no", /^[0-9A-Za-z_\-|*]{6,32}$/);
  const description = remark(body, "description", 127);
  if (description === "") throw wrongField("/description", "it is missing");
  const amount = group(body, "amount");
  if ((amount.currency ?? "CNY") !== "CNY") throw wrongField("/amount/currency", "it must be CNY");
  return {
    outTradeNo,
    description,
    attach: remark(body, "attach", 128),
    total: fen(amount, "total"),
    openid: text(group(body, "payer"), "payer/openid", /^[\x21-\x7e]{1,128}$/),
    notifyUrl: notifyUrl(body),
  };
}

/** @throws PayRefusal ORDERPAID, ORDER_CLOSED, INVALID_REQUEST */
function prepay(sim: Simulation, order: Order, serial: string | undefined): Payment {
  const now = sim.now();
  const prepaid = { prepayId: newPrepayId(sim), prepaidUntil: now + sim.scaled(prepaidMs) };
  const before = sim.state.pay.payments.get(order.outTradeNo);
  if (!before) {
    person(sim, order.openid);
    const payment = { ...order, ...prepaid, serial, createdAt: now, closed: false, refunds: [] };
    return remember(sim.state.pay.payments, order.outTradeNo, payment);
  }
  if (before.paid) throw unfit("the order is paid", "ORDERPAID");
  if (before.closed) throw unfit("the order is closed", "ORDER_CLOSED");
  const names = Object.keys(order) as (keyof Order)[];
  const other = names.find((name) => before[name] !== order[name]);
  if (other) throw unfit(`the order was placed with another ${other}`);
  return before.prepaidUntil > now ? before : Object.assign(before, prepaid);
}

function newPrepayId(sim: Simulation): string {
  const digits = rfc3339(sim.now()).replace(/\D/g, "").slice(0, 14);
  return `wx${digits}${sim.random(10).toString("hex")}`;
}

function certificate(sim: Simulation) {
  const { serial, certificate: pem } = sandboxPlatform;
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return {
    serial_no: serial,
    effective_time: rfc3339(validFromDate.getTime()),
    expire_time: rfc3339(validToDate.getTime()),
    encrypt_certificate: encrypted(sim, pem, "certificate"),
  };
}
