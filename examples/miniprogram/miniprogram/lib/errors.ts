import type { Reason } from "liveuser-client";
import { ConnectError, metadataOf, reasonOf } from "liveuser-client";
import { orderStateText, ticketStatusText } from "./views";

const texts: { [R in Reason]?: string } = {
  INVALID_REQUEST: "填写的内容不符合要求",
  UNAVAILABLE: "服务繁忙，请稍后再试",
  DEADLINE_PASSED: "请求超时，请重试",
  RATE_LIMITED: "操作太频繁，请稍后再试",
  SESSION_REVOKED: "登录已失效，请重试",
  REFRESH_TOKEN_REUSED: "登录已失效，请重试",
  REFRESH_TOKEN_EXPIRED: "登录已过期，请重试",
  REFRESH_TOKEN_INVALID: "登录已失效，请重试",
  TOKEN_MISSING: "尚未登录，请到“我的”登录",
  USER_BANNED: "账号已被封禁",
  WX_CODE_INVALID: "微信凭证已失效，请重试",
  WX_CODE_USED: "微信凭证已失效，请重试",
  WX_USER_RISKY: "微信提示该账号存在风险",
  WX_UNAVAILABLE: "微信暂无响应，请稍后再试",
  WX_PAY_REFUSED: "微信支付未受理，请稍后再试",
  SCENE_NOT_FOUND: "请先扫描座位上的二维码",
  SEAT_NOT_FOUND: "这个二维码没有对应的座位",
  PRODUCT_NOT_FOUND: "商品已下架",
  MOVIE_NOT_FOUND: "影片已下架",
  MOVIE_NOT_IN_CART: "这部影片已不在已选影片中",
  CART_EMPTY: "还没有选影片",
  AMOUNT_OVERFLOW: "订单金额过大",
  ORDER_NOT_FOUND: "订单不存在",
  NOTHING_TO_PAY: "没有待支付的内容",
  ALREADY_PAID: "已支付，无需重复支付",
  TICKET_NOT_FOUND: "票不存在",
  SESSION_NOT_FOUND: "该设备已退出登录",
};

const unknown = "出错了，请重试";
const unreachable = "连不上服务器，请检查网络后重试";

/** Why a call failed, in words for the person. */
export function textOf(error: unknown): string {
  const reason = reasonOf(error);
  if (reason === undefined) return error instanceof ConnectError ? unreachable : unknown;
  const { state = "", status = "" } = metadataOf(error);
  if (reason === "ORDER_STATE") return `订单${orderStateText(state)}，无法操作`;
  if (reason === "TICKET_STATE") return `票${ticketStatusText(status)}，无法操作`;
  return texts[reason] ?? unknown;
}
