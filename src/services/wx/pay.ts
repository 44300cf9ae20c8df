import { PaymentState_State, type WxPrepayRequest } from "../../../gen/liveuser/wx_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Subject } from "../../payments/payable.ts";
import type { Payments } from "../../payments/payments.ts";
import type { Call } from "../../rpc/call.ts";
import { actingFor } from "../acting.ts";

type Named = Pick<WxPrepayRequest, "orderId" | "ticketId" | "railOrderId" | "measurementId">;

/** Paying for whatever can be paid. */
export function paying(
  app: Pick<App, "store" | "clock" | "ids" | "settings">,
  payments: Pick<Payments, "prepay" | "status" | "newestUnpaid">,
) {
  async function subjectOf(request: Named, uid: number): Promise<Subject> {
    return named(request) ?? payments.newestUnpaid(uid);
  }

  return {
    async prepay(request: WxPrepayRequest, call: Call) {
      const { uid, appid } = await actingFor(app, call, request.openId);
      return payments.prepay(await subjectOf(request, uid), { uid, appid, signal: call.signal });
    },

    async payStatus(request: Named, call: Call) {
      const { uid } = call.user;
      const subject = await subjectOf(request, uid);
      const { state, amount, payAt } = await payments.status(subject, { uid, signal: call.signal });
      return { state: PaymentState_State[state], amount, payAt: BigInt(payAt) };
    },

    /** WeChat Pay's own POST goes by http/external/pay-notify.ts. What comes as a call has no signature. */
    async postpay(): Promise<never> {
      throw new AppError("WX_SIGNATURE_INVALID");
    },
  };
}

function named({ orderId, ticketId, railOrderId, measurementId }: Named): Subject | undefined {
  if (orderId) return { kind: "order", id: Number(orderId) };
  if (ticketId) return { kind: "ticket", id: Number(ticketId) };
  if (railOrderId) return { kind: "rail_order", id: Number(railOrderId) };
  if (measurementId) return { kind: "measurement", id: Number(measurementId) };
  return undefined;
}
