import type { AppError, Reason } from "../../errors.ts";
import type { Failure, Refusal, Row } from "./table.ts";

/**
 * The codes of the rail document that are answered here, with its texts.
 *
 * WeChat Pay's own, passed on from what it says of a payment: 1002, 1003, 1006, 1008, 1009, 1010, 1016;
 * and 1004, 1005, 1007 where this server knows it without asking. Never answered:
 *
 * - 0001, 0003, 0009: none of these URLs saves a person's data but what a sign-in does (1000, 1001).
 * - 0002: there are no passwords.
 * - 0004, 0005: merchants take orders by the contract's own methods (Rail.Grab, Rail.Submit).
 * - 0015, 1017: a wallet is no number that somebody sets, and a payment of another sum is not taken.
 * - 1011, 1013, 1014: of WeChat Pay's old protocol in XML; the one in use has no such answers.
 */
const texts = {
  "0000": "成功",
  "9999": "服务器异常",
  "0006": "用户未登陆",
  "0007": "缺少loginkey",
  "0008": "缺少userId",
  "0010": "订单确认失败",
  "0011": "解冻金额失败",
  "0012": "订单取消失败",
  "0013": "缺少参数",
  "0016": "缺少appCode",
  "0017": "签名失败",
  "0018": "缺少签名",
  "0019": "发送验证码操作失败，请重试",
  "0020": "验证码已失效，请重试",
  "0021": "验证码错误，请重新输入",
  "0022": "验证码操作失败，请重试",
  "0023": "身份证或者姓名有误，请检查",
  "0024": "添加联系人失败",
  "0025": "该联系人已存在",
  "0026": "创建订单明细失败",
  "0027": "该订单不存在",
  "1000": "调用微信获取openid失败",
  "1001": "微信调用通讯失败",
  "1002": "商户未开通此接口权限",
  "1003": "帐号余额不足，请用户充值或更换支付卡后再支付",
  "1004": "商户订单已支付，无需重复操作",
  "1005": "当前订单已关闭，请重新下单",
  "1006": "请检查APPID是否正确",
  "1007": "请检查MCHID是否正确",
  "1008": "请确认appid和mch_id是否匹配",
  "1009": "请核实商户订单号是否重复提交",
  "1010": "请检查签名参数和方法是否都符合签名算法要求",
  "1012": "请检查请求参数是否通过post方法提交",
  "1016": "查询不到愿订单信息",
} as const;

export type Code = keyof typeof texts;

/** A code as a row of the table; `more` goes behind its text. */
export function refused(code: Code, more?: string): Row {
  return { code, text: more === undefined ? texts[code] : `${texts[code]}: ${more}` };
}

/** Route by route, what the same reason is called there. */
export function refusedAs(codes: Partial<Record<Reason, Code>>): { rows: Partial<Record<Reason, Row>> } {
  return { rows: rowsOf(codes) };
}

function rowsOf(codes: Partial<Record<Reason, Code>>): Partial<Record<Reason, Row>> {
  return Object.fromEntries(Object.entries(codes).map(([reason, code]) => [reason, refused(code)]));
}

/** The frame of a success. */
export const success = { code: "0000", msg: texts["0000"] };

/** What WeChat Pay answers (https://pay.weixin.qq.com/doc/v3/merchant/4012791856, its table of codes). */
const ofWechatPay: Readonly<Record<string, Code>> = {
  NO_AUTH: "1002",
  NOT_ENOUGH: "1003",
  ORDERPAID: "1004",
  ORDER_CLOSED: "1005",
  APPID_MCHID_NOT_MATCH: "1008",
  MCH_NOT_EXISTS: "1007",
  OUT_TRADE_NO_USED: "1009",
  SIGN_ERROR: "1010",
  ORDER_NOT_EXIST: "1016",
  ORDERNOTEXIST: "1016",
  // This server's own word: the person never signed in to the app that they pay in.
  NO_OPENID: "1000",
};

/** Where the document has a code of its own for a parameter that is there but wrong. */
const ofParameter: Readonly<Record<string, Code>> = {
  indentity: "0023",
  name: "0023",
  ticketIdentity: "0023",
  ticketName: "0023",
  smsCode: "0021",
  ticketDetails: "0026",
};

/** The failures of the rail document. */
export const railErrors = {
  rows: rowsOf({
    TOKEN_MISSING: "0007",
    TOKEN_INVALID: "0006",
    TOKEN_EXPIRED: "0006",
    SESSION_REVOKED: "0006",
    ACCESS_DENIED: "0006",
    USER_BANNED: "0006",
    USER_NOT_FOUND: "0006",
    CONFIG_NOT_FOUND: "0013",
    IDENTITY_INVALID: "0023",
    CONTACT_EXISTS: "0025",
    SMS_NOT_SENT: "0019",
    PHONE_CODE_EXPIRED: "0020",
    PHONE_CODE_WRONG: "0021",
    ORDER_NOT_FOUND: "0027",
    ORDER_STATE: "1005",
    ALREADY_PAID: "1004",
    WX_CODE_INVALID: "1000",
    WX_CODE_USED: "1000",
    WX_USER_RISKY: "1000",
    WX_UNAVAILABLE: "1001",
    // The order's nonceStr is its idempotency key.
    IDEMPOTENCY_KEY_REUSED: "0017",
  }),
  otherwise(error: AppError): Row {
    return refused(codeOf(error));
  },
  write({ code, status, text, rule }: Failure): Refusal {
    const row = status === 405 ? refused("1012") : { code: code ?? "", text };
    return { json: { code: `${row.code}`, msg: rule ? `${row.text}: ${rule}` : `${row.text}`, data: {} } };
  },
};

function codeOf({ reason, metadata, violations: [first] }: AppError): Code {
  if (reason === "INVALID_REQUEST") {
    const parameter = /^\w*/.exec(first?.field ?? "")?.[0] ?? "";
    const own = Object.hasOwn(ofParameter, parameter) ? ofParameter[parameter] : undefined;
    return first?.description === "missing" ? "0013" : (own ?? "0013");
  }
  if (reason === "WX_PAY_REFUSED" || reason === "WX_MISCONFIGURED") {
    const { code = "" } = metadata;
    if (Object.hasOwn(ofWechatPay, code)) return ofWechatPay[code] as Code;
    // Without a code: WECHAT_MCHID is not set.
    return reason === "WX_MISCONFIGURED" && !code ? "1007" : "1001";
  }
  return "9999";
}
