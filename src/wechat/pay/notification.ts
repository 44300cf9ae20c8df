import { AppError, invalid } from "../../errors.ts";
import { type Fields, Malformed, parseFields } from "./fields.ts";
import type { PlatformKeys } from "./keys.ts";
import { readRefund, readTransaction } from "./records.ts";
import { openResource } from "./resource.ts";
import { type SignedMessage, Unverified, verifyMessage } from "./signature.ts";
import type { Notification } from "./types.ts";

export interface NotificationDeps {
  keys: PlatformKeys;
  apiV3Key: Uint8Array;
  clock: { now(): number };
}

/**
 * Reads a notification: first the signature over the raw bytes, then the JSON, then the encrypted part
 * (https://pay.weixin.qq.com/docs/merchant/apis/h5-payment/payment-notice.html). A notification comes more than once.
 * @throws AppError as Pay.readNotification
 */
export async function readNotification(
  deps: NotificationDeps,
  message: SignedMessage,
): Promise<Notification> {
  try {
    await verifyMessage(deps, message);
    return read(parseFields(message.body), deps.apiV3Key);
  } catch (error) {
    if (error instanceof Unverified) throw new AppError("WX_SIGNATURE_INVALID", {}, { cause: error });
    if (error instanceof Malformed) {
      throw invalid({ field: error.field, description: "is not what WeChat Pay sends" }, error);
    }
    throw error;
  }
}

function read(fields: Fields, apiV3Key: Uint8Array): Notification {
  const id = fields.text("id");
  const eventType = fields.text("event_type");
  const content = () => {
    const sealed = fields.object("resource");
    return parseFields(openResource(apiV3Key, sealed, "resource"), "resource.ciphertext");
  };
  if (eventType === "TRANSACTION.SUCCESS") {
    return { kind: "payment", id, transaction: readTransaction(content()) };
  }
  if (eventType.startsWith("REFUND.")) {
    const refund = content();
    return { kind: "refund", id, mchid: refund.text("mchid"), refund: readRefund(refund, "refund_status") };
  }
  return { kind: "other", id, eventType };
}
