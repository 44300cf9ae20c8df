import type { AppApi } from "./access-token.ts";
import { type Answer, textOf } from "./answer.ts";
import { type Reasons, unavailable } from "./errors.ts";

const path = "/wxa/business/getuserphonenumber";

const reasons: Reasons = {
  40029: "WX_CODE_INVALID", // unknown, or older than 5 minutes
  40163: "WX_CODE_USED",
  41008: "WX_CODE_INVALID", // code missing
};

/**
 * Changes the code of a getPhoneNumber button
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html).
 * Asked once, as in login.ts.
 * @throws AppError WX_CODE_INVALID, WX_CODE_USED, RATE_LIMITED, WX_MISCONFIGURED, WX_UNAVAILABLE;
 * CALL_CANCELLED or DEADLINE_PASSED when `signal` ended the call.
 */
export async function phoneNumber(
  api: AppApi,
  { code, signal }: { code: string; signal?: AbortSignal },
): Promise<{ phoneNumber: string; purePhoneNumber: string; countryCode: string }> {
  const answer = await api.postJson({ path, query: {}, body: { code }, reasons, signal });
  const where = `POST ${path}`;
  const info = answer.phone_info;
  if (typeof info !== "object" || info === null) throw unavailable(where, "an answer without phone_info");
  const text = (field: string) => textOf(where, info as Answer, [field]);
  return {
    phoneNumber: text("phoneNumber"),
    purePhoneNumber: text("purePhoneNumber"),
    countryCode: text("countryCode"),
  };
}
