import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { AppError, type Reason } from "../errors.ts";

/** What an error becomes that some library raised with a code of its own. */
const reasonOfCode: Partial<Record<Code, Reason>> = {
  [Code.Canceled]: "CALL_CANCELLED",
  [Code.InvalidArgument]: "INVALID_REQUEST",
  [Code.DeadlineExceeded]: "DEADLINE_PASSED",
  [Code.ResourceExhausted]: "BODY_TOO_LARGE",
  [Code.Unimplemented]: "NO_SUCH_METHOD",
  [Code.Unavailable]: "UNAVAILABLE",
};

/** Any thrown value as an AppError. What is not one of ours becomes INTERNAL and keeps the value as its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ConnectError) {
    const reason = reasonOfCode[error.code];
    if (reason) return new AppError(reason, {}, { cause: error });
  }
  return new AppError("INTERNAL", {}, { cause: error });
}

/**
 * The one mapping from our errors to the wire: code and public text, with google.rpc.ErrorInfo
 * {reason, domain "liveuser", metadata}, BadRequest for broken rules, RetryInfo where there is a time to wait.
 */
export function toConnectError(error: AppError): ConnectError {
  const first = error.violations[0];
  const text = first
    ? `${error.message}: ${first.field ? `${first.field}: ` : ""}${first.description}`
    : error.message;
  const wire = new ConnectError(text, error.code, undefined, [
    {
      desc: ErrorInfoSchema,
      value: { reason: error.reason, domain: "liveuser", metadata: error.metadata },
    },
  ]);
  if (error.violations.length > 0) {
    wire.details.push({ desc: BadRequestSchema, value: { fieldViolations: error.violations } });
  }
  if (error.retryAfterMs !== undefined) {
    const ms = Math.ceil(error.retryAfterMs);
    const retryDelay = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
    wire.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return wire;
}
