import { Code, ConnectError, type Reason, reasonOf } from "../../../src/client/index.ts";

const reasons: Partial<Record<Reason, string>> = {
  MEASUREMENT_NOT_FOUND: "没有这条测量记录。",
  MEASUREMENT_UNPAID: "请先支付，再查看报告。",
  MEASUREMENTS_FULL: "测量记录太多，请先删除一些。",
  SIGNAL_POOR: "信号太差，无法给出报告。",
  RATE_LIMITED: "操作太频繁，请稍后再试。",
  ALREADY_PAID: "已经支付过了。",
  WX_CODE_INVALID: "登录已失效，请重新登录。",
  WX_CODE_USED: "登录已失效，请重新登录。",
  WX_UNAVAILABLE: "微信暂时没有响应，请稍后再试。",
  WX_PAGE_NOT_ALLOWED: "此页面没有在服务器上登记。",
  SESSION_REVOKED: "您已在别处退出登录，请重新登录。",
  USER_BANNED: "此账号已被停用。",
  BODY_TOO_LARGE: "数据太大。",
  INVALID_REQUEST: "数据不符合要求。",
};

/** What went wrong, in words for the person. */
export function words(error: unknown): string {
  const reason = reasonOf(error);
  const known = reason && reasons[reason];
  if (known) return known;
  if (!(error instanceof ConnectError)) return error instanceof Error ? error.message : "出错了。";
  if (isOffline(error)) return "连接不上服务器，请检查网络后重试。";
  if (error.code === Code.Unauthenticated) return "请重新登录。";
  return `出错了（${reason ?? Code[error.code]}），请稍后再试。`;
}

/** Whether no answer came: the next try may have one. */
export function isOffline(error: unknown): boolean {
  return (
    error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded)
  );
}

/** ¥1.50 */
export function yuan(fen: number): string {
  return `¥${(fen / 100).toFixed(2)}`;
}

/** When something was, by the device's clock. */
export function when(unixMs: bigint | string): string {
  const time = new Date(Number(unixMs));
  return time.toLocaleString("zh-CN", { dateStyle: "medium", timeStyle: "short" });
}
