import { Code } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import type { ErrorReason } from "../gen/liveuser/errors_pb.ts";

/** A reason of the contract (proto/liveuser/errors.proto), by its name. */
export type Reason = Exclude<keyof typeof ErrorReason, "ERROR_REASON_UNSPECIFIED">;

/** One broken rule: the field's path as the caller wrote it (`products[0].count`) and what is wrong. */
export interface Violation {
  field: string;
  description: string;
}

/** Every reason with its status code (https://connectrpc.com/docs/protocol#error-codes) and its public text. */
export const errorTable = {
  INVALID_REQUEST: [Code.InvalidArgument, "the request is not valid"],
  INTERNAL: [Code.Internal, "internal error"],
  UNAVAILABLE: [Code.Unavailable, "busy for the moment, try again"],
  NO_SUCH_METHOD: [Code.Unimplemented, "no such method"],
  DEADLINE_PASSED: [Code.DeadlineExceeded, "the call took longer than allowed"],
  CALL_CANCELLED: [Code.Canceled, "the caller went away"],
  RATE_LIMITED: [Code.ResourceExhausted, "too many calls, come again later"],
  BODY_TOO_LARGE: [Code.ResourceExhausted, "the body is too large"],

  TOKEN_MISSING: [Code.Unauthenticated, "this method needs an access token"],
  TOKEN_INVALID: [Code.Unauthenticated, "the access token is not valid"],
  TOKEN_EXPIRED: [Code.Unauthenticated, "the access token ran out"],
  SESSION_REVOKED: [Code.Unauthenticated, "the session was ended"],
  REFRESH_TOKEN_REUSED: [Code.Unauthenticated, "the refresh token was used before, the session was ended"],
  REFRESH_TOKEN_EXPIRED: [Code.Unauthenticated, "the refresh token ran out"],
  REFRESH_TOKEN_INVALID: [Code.Unauthenticated, "the refresh token is not valid"],
  ACCESS_DENIED: [Code.PermissionDenied, "the caller may not call this method"],
  USER_BANNED: [Code.PermissionDenied, "the account is blocked"],
  APP_CREDENTIALS_INVALID: [Code.Unauthenticated, "appid or secret is wrong"],
  APP_QUOTA_EXCEEDED: [Code.ResourceExhausted, "the app used up its tokens of the day"],
  SESSION_NOT_FOUND: [Code.NotFound, "no such session"],

  WX_CODE_INVALID: [Code.InvalidArgument, "WeChat does not know the code, or it ran out"],
  WX_CODE_USED: [Code.InvalidArgument, "the code was used before"],
  WX_USER_RISKY: [Code.PermissionDenied, "WeChat holds the account for risky"],
  WX_UNAVAILABLE: [Code.Unavailable, "WeChat does not answer, try again"],
  WX_MISCONFIGURED: [Code.Internal, "WeChat refuses this server's credentials"],
  WX_PAGE_NOT_ALLOWED: [Code.InvalidArgument, "the page is not on the list of allowed pages"],
  WX_PAY_REFUSED: [Code.FailedPrecondition, "WeChat Pay refused"],
  WX_SIGNATURE_INVALID: [Code.Unauthenticated, "the signature does not fit"],
  WX_MESSAGE_REFUSED: [Code.FailedPrecondition, "WeChat did not deliver the message"],
  SCENE_NOT_FOUND: [Code.FailedPrecondition, "no seat was scanned"],

  USER_NOT_FOUND: [Code.NotFound, "no such person"],
  IDENTITY_INVALID: [Code.InvalidArgument, "the identity number or the name is wrong"],
  CONTACT_EXISTS: [Code.AlreadyExists, "the contact exists already"],
  CONTACT_NOT_FOUND: [Code.NotFound, "no such contact"],
  SMS_NOT_SENT: [Code.Unavailable, "the text message could not be sent"],
  PHONE_CODE_EXPIRED: [Code.FailedPrecondition, "the phone code ran out"],
  PHONE_CODE_WRONG: [Code.InvalidArgument, "the phone code is wrong"],
  BINDING_EXISTS: [Code.AlreadyExists, "the line or device is bound already"],
  BINDING_NOT_FOUND: [Code.NotFound, "no such binding"],
  CONTACTS_FULL: [Code.FailedPrecondition, "there are as many contacts as one may have"],
  PHONE_UNKNOWN: [Code.FailedPrecondition, "the profile has no verified phone number"],
  BINDINGS_FULL: [Code.FailedPrecondition, "there are as many bindings as one may have"],

  PRODUCT_NOT_FOUND: [Code.NotFound, "no such product"],
  MOVIE_NOT_FOUND: [Code.NotFound, "no such movie"],
  ORDER_NOT_FOUND: [Code.NotFound, "no such order"],
  ORDER_STATE: [Code.FailedPrecondition, "the order's state does not allow that"],
  AMOUNT_OVERFLOW: [Code.InvalidArgument, "the sum is too large"],
  IDEMPOTENCY_KEY_REUSED: [Code.AlreadyExists, "the idempotency key was used with another body"],
  NOTHING_TO_PAY: [Code.FailedPrecondition, "there is nothing to pay"],
  ALREADY_PAID: [Code.FailedPrecondition, "it is paid already"],

  CART_EMPTY: [Code.FailedPrecondition, "the cart is empty"],
  MOVIE_NOT_IN_CART: [Code.NotFound, "the movie is not in the cart"],
  SEAT_NOT_FOUND: [Code.NotFound, "the scanned code belongs to no seat"],
  TICKET_NOT_FOUND: [Code.NotFound, "no such ticket"],
  TICKET_STATE: [Code.FailedPrecondition, "the ticket's state does not allow that"],

  ORDER_TAKEN: [Code.Aborted, "another merchant was faster"],
  ORDER_NOT_YOURS: [Code.PermissionDenied, "the order belongs to another merchant"],
  CONFIG_NOT_FOUND: [Code.NotFound, "no such configuration key"],
  BALANCE_TOO_LOW: [Code.FailedPrecondition, "the balance is too low"],

  HALL_CODE_INVALID: [Code.InvalidArgument, "the code is wrong, used or over its time"],
  HALL_TICKET_INVALID: [Code.InvalidArgument, "the ticket is wrong, used or over its time"],
  OPENID_UNKNOWN: [Code.NotFound, "the partner does not know this openid"],

  MEASUREMENT_NOT_FOUND: [Code.NotFound, "no such measurement"],
  MEASUREMENT_UNPAID: [Code.FailedPrecondition, "the measurement has to be paid for first"],
  SIGNAL_POOR: [Code.FailedPrecondition, "the signal is too poor for a report"],
  MEASUREMENTS_FULL: [Code.FailedPrecondition, "there are as many measurements as one may keep"],
} as const satisfies Record<Reason, readonly [Code, string]>;

/** Where HTTP has a plainer word than the status of the reason's code. */
const plainStatus: Partial<Record<Reason, number>> = { BODY_TOO_LARGE: 413, NO_SUCH_METHOD: 404 };

/** The HTTP status of an answer with that reason. */
export function httpStatus(reason: Reason): number {
  return plainStatus[reason] ?? codeToHttpStatus(errorTable[reason][0]);
}

interface Extras {
  /** Broken rules, field by field: sent as google.rpc.BadRequest. */
  violations?: Violation[];
  /** After how many ms the caller should come again: sent as google.rpc.RetryInfo. */
  retryAfterMs?: number;
  /** What really happened: logged, never sent. */
  cause?: unknown;
}

/**
 * A failure the caller is told about. Throw it anywhere; each door writes it in its own form.
 * `metadata` is public: values a program can use (`{ product_id: "tea" }`), never a secret.
 */
export class AppError extends Error {
  readonly reason: Reason;
  readonly metadata: Record<string, string>;
  readonly violations: Violation[];
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, metadata: Record<string, string> = {}, extras: Extras = {}) {
    super(errorTable[reason][1], { cause: extras.cause });
    this.name = "AppError";
    this.reason = reason;
    this.metadata = metadata;
    this.violations = extras.violations ?? [];
    this.retryAfterMs = extras.retryAfterMs;
  }

  get code(): Code {
    return errorTable[this.reason][0];
  }

  /** What really happened, in one line for the log. */
  get why(): string | undefined {
    return this.cause instanceof Error ? this.cause.message : this.violations[0]?.description;
  }
}

/** INVALID_REQUEST for one broken rule. `cause` is logged, never sent. */
export function invalid(violation: Violation, cause?: unknown): AppError {
  return new AppError("INVALID_REQUEST", {}, { violations: [violation], cause });
}

/**
 * Why a connection failed, in words for the log: with the first code down the causes (ECONNRESET,
 * UND_ERR_SOCKET, …). The texts of fetch's errors may quote the request and its secrets.
 */
export function connectionFailure(thrown: unknown): string {
  for (let e = thrown; e instanceof Error; e = e.cause) {
    const { code } = e as Error & { code?: unknown };
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code)) {
      return `the connection failed: ${code}`;
    }
  }
  return "the connection failed";
}
