import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/client/google/rpc/error_details_pb.ts";
import type { ErrorReason } from "../../gen/client/liveuser/errors_pb.ts";

/** Why a call failed, as the contract names it (ErrorReason). A newer server may know more of them. */
export type Reason = Exclude<keyof typeof ErrorReason, "ERROR_REASON_UNSPECIFIED">;

/** One broken rule: the field's path and what is wrong. */
export interface Violation {
  field: string;
  description: string;
}

/** The reason that the server gave; undefined when the error did not come from it. */
export function reasonOf(error: unknown): Reason | undefined {
  return infoOf(error)?.reason as Reason | undefined;
}

/** Values that belong to the reason, such as `{ product_id: "tea" }`; empty when there are none. */
export function metadataOf(error: unknown): Record<string, string> {
  return { ...infoOf(error)?.metadata };
}

/** The broken rules of INVALID_REQUEST, field by field. */
export function violationsOf(error: unknown): Violation[] {
  if (!(error instanceof ConnectError)) return [];
  return error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => ({ field, description })),
    );
}

/** After how many ms the server asks to come again; undefined when it does not say. */
export function retryDelayOf(error: unknown): number | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1_000_000);
}

function infoOf(error: unknown) {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "liveuser");
}

const final: readonly (string | undefined)[] = [
  "REFRESH_TOKEN_REUSED",
  "REFRESH_TOKEN_EXPIRED",
  "REFRESH_TOKEN_INVALID",
  "SESSION_REVOKED",
  "USER_BANNED",
] satisfies Reason[];

/** Whether the session is over: nothing but a new sign-in helps. */
export function isFinal(reason: Reason | undefined): reason is Reason {
  return final.includes(reason);
}

const stale: readonly (string | undefined)[] = [
  "TOKEN_MISSING",
  "TOKEN_INVALID",
  "TOKEN_EXPIRED",
  // A 401 of something in between.
  undefined,
] satisfies (Reason | undefined)[];

/** Whether a call was refused, without being run, for want of a good access token. */
export function isRefused(error: unknown): boolean {
  return (
    error instanceof ConnectError && error.code === Code.Unauthenticated && stale.includes(reasonOf(error))
  );
}

const passing: readonly Code[] = [
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Aborted,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
];

/** Whether the same request may do better later. */
export function isPassing(error: unknown): boolean {
  return error instanceof ConnectError && passing.includes(error.code);
}
