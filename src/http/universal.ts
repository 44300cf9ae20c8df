import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { AppError } from "../errors.ts";
import type { Call } from "../rpc/call.ts";
import { invalidBinary } from "./codec.ts";
import type { Exchange } from "./exchange.ts";

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** The exchange that a handler of Connect's answers. */
export function exchangeOf(context: HandlerContext): Exchange {
  return context.values.get(exchangeKey) as Exchange;
}

/**
 * Lets one of Connect's handlers answer an exchange. `answered` is told when the handler has begun its
 * answer, or has refused the request.
 */
export async function answerBy(
  handler: UniversalHandler,
  exchange: Exchange,
  answered: () => void = () => {},
): Promise<void> {
  const { req, res } = exchange;
  for (const [name, value] of Object.entries(exchange.headers)) res.setHeader(name, value);
  const values = createContextValues().set(exchangeKey, exchange);
  const request = universalRequestFromNodeRequest(req, res, undefined, values);
  // Stopping to read must not cut off a caller who still has to read the answer.
  const body = req.iterator({ destroyOnReturn: false });
  // Connect writes on when what was written has drained, which it never does once the caller is gone.
  res.once("close", () => res.emit("drain"));
  const response = await handler({ ...request, body });
  answered();
  await universalResponseToNodeResponse(response, res).catch(unlessGone);
}

/** A response that cannot be written because its reader went away is no failure. */
function unlessGone(thrown: unknown): void {
  if (!(thrown instanceof ConnectError) || thrown.code !== Code.Aborted) throw thrown;
}

/** Ends the call when its caller goes away or its deadline passes. */
export function endWith(context: HandlerContext, call: Call): void {
  context.signal.addEventListener("abort", () => call.end(endOf(context.signal.reason)), { once: true });
}

/** Why a call ended that its signal was aborted for. */
function endOf(reason: unknown): AppError {
  const late = reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
  return new AppError(late ? "DEADLINE_PASSED" : "CALL_CANCELLED");
}

/** An error of reading the request: too large, gone, late, or else the caller's mistake. */
export function readingError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (!(thrown instanceof ConnectError)) return new AppError("CALL_CANCELLED", {}, { cause: thrown });
  if (thrown.cause instanceof AppError) return thrown.cause;
  switch (thrown.code) {
    case Code.ResourceExhausted:
      return new AppError("BODY_TOO_LARGE");
    case Code.Canceled:
    case Code.Aborted:
      return new AppError("CALL_CANCELLED");
    case Code.DeadlineExceeded:
      return new AppError("DEADLINE_PASSED");
    default:
      return invalidBinary(thrown.rawMessage.replace(/^parse binary: /, ""), thrown);
  }
}
