import type { Reason } from "../../errors.ts";
import { shanghaiTime } from "./shanghai-time.ts";
import type { Errors, Failure, Refusal, Row } from "./table.ts";

/** The document's code of whatever else went wrong. */
const failed = 40005;

/** Who calls is not known, or may not call this. */
const tokenRow: Row = { code: 0, text: "access_token校验异常" };

const rows: Partial<Record<Reason, Row>> = {
  TOKEN_MISSING: tokenRow,
  TOKEN_INVALID: tokenRow,
  TOKEN_EXPIRED: tokenRow,
  SESSION_REVOKED: tokenRow,
  USER_BANNED: tokenRow,
  ACCESS_DENIED: tokenRow,
  INVALID_REQUEST: { code: failed },
  APP_CREDENTIALS_INVALID: { code: failed, text: "appid或secret错误" },
  APP_QUOTA_EXCEEDED: { code: failed },
  RATE_LIMITED: { code: failed, text: "调用过于频繁，请稍后再试" },
  BODY_TOO_LARGE: { code: failed, text: "请求内容过大" },
  NO_SUCH_METHOD: { code: failed, text: "接口不存在" },
  HALL_CODE_INVALID: { code: failed, text: "code 已过期" },
  OPENID_UNKNOWN: { code: failed, text: "openid不存在或未授权" },
  BINDINGS_FULL: { code: failed, text: "该openid绑定的设备已达上限" },
  WX_PAGE_NOT_ALLOWED: { code: failed, text: "页面不在允许的列表中" },
};

/** The failures of the hall's document, in the form that most of its URLs have. */
export const hallErrors: Errors = {
  rows,
  otherwise: () => ({ code: failed, text: "接口异常，请稍后再试" }),
  write: (failure) => ({ json: { status: codeOf(failure), errMsg: textOf(failure) } }),
};

/** Where the text stands in `data`. */
export const inData: Partial<Errors> = {
  write: (failure) => ({ json: { data: textOf(failure), status: 0, info: 0 } }),
};

/** Of a person: the document shows a success alone, whose flag is 0. */
export const flagged: Partial<Errors> = {
  write: (failure) => ({ json: { flag: 1, status: codeOf(failure), errMsg: textOf(failure) } }),
};

/** Of a notice: what WeChat or nobody could deliver, and what could not be tried. */
export const noticeErrors: Partial<Errors> = {
  otherwise: () => ({ code: failed, text: "推送接口异常" }),
  write(failure): Refusal {
    if (failure.reason === "WX_MESSAGE_REFUSED" || failure.reason === "OPENID_UNKNOWN") {
      return { json: { status: 0, result: "发送失败" } };
    }
    return { json: { status: codeOf(failure), errMsg: textOf(failure) } };
  },
};

/** Of a ticket. What the old system passed on of another one's answer has its form, and says what is so here. */
export function ticketErrors(clock: { now(): number }): Partial<Errors> {
  return {
    write(failure): Refusal {
      const { reason, rule, incoming } = failure;
      if (reason === "INVALID_REQUEST" && rule === "ticket: missing") {
        return { json: { errcode: 1, data: { mobile: textOf(failure) } } };
      }
      if (reason !== "HALL_TICKET_INVALID" && reason !== "INVALID_REQUEST") {
        return { json: { status: codeOf(failure), errMsg: textOf(failure) } };
      }
      const session = {
        TransactionID: [incoming.requestId],
        ActionCode: ["1"],
        RspTime: [shanghaiTime(clock.now()).replace(/\D/g, "")],
        Response: [{ RspType: ["1"], RspCode: ["1992"], RspDesc: ["ticket无效、已使用或已过期!"] }],
      };
      return {
        json: { errcode: 1, data: "手机号码获取异常", msg: { CAPRoot: { SessionHeader: [session] } } },
      };
    },
  };
}

function codeOf({ code = failed }: Failure): number {
  return Number(code);
}

function textOf({ reason, text, rule, metadata }: Failure): string {
  if (reason === "APP_QUOTA_EXCEEDED") {
    const from = metadata.resets_at ? shanghaiTime(Number(metadata.resets_at) * 1000) : "次日00:00:00";
    return `今日获取access_token的次数已用完，北京时间${from}起重新计算`;
  }
  if (reason !== "INVALID_REQUEST") return text;
  const [, missing] = /^(.+): missing$/.exec(rule ?? "") ?? [];
  return missing === undefined ? `参数错误${rule ? `：${rule}` : ""}` : `${missing}必须给出`;
}
