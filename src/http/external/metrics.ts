import { createHash, timingSafeEqual } from "node:crypto";
import { AppError } from "../../errors.ts";
import { bearerToken } from "../../rpc/call.ts";
import { sendError } from "../errors.ts";
import { type Exchange, send } from "../exchange.ts";
import type { Metrics } from "../metrics.ts";

/** Who may read the metrics: whoever has this token, anybody, or nobody. */
export type MetricsAccess = { token: string } | "anyone" | "nobody";

/** `GET /metrics` in Prometheus' text format. */
export async function answerMetrics(
  exchange: Exchange,
  metrics: Metrics,
  access: MetricsAccess,
): Promise<void> {
  if (access === "nobody") return sendError(exchange, new AppError("NO_SUCH_METHOD"));
  if (access !== "anyone" && !bears(exchange, access.token)) {
    return sendError(exchange, new AppError("TOKEN_INVALID"));
  }
  send(exchange, 200, { "content-type": metrics.contentType }, await metrics.text());
}

function bears({ req }: Exchange, token: string): boolean {
  const given = bearerToken(req.headers.authorization) ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
