import type { DescMethod } from "@bufbuild/protobuf";
import type { Identity } from "../auth/identity.ts";
import type { Logger } from "../log.ts";
import type { Outcome } from "../rpc/pipeline.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Makes the function that is told of every finished call. It writes one line for each, with ids and
 * never with what was said, counts it, and writes the cause of an INTERNAL error.
 */
export function observeCalls({
  log,
  metrics,
}: {
  log: Logger;
  metrics: Metrics;
}): (outcome: Outcome) => void {
  return ({ call, ms, error }) => {
    const { requestId, door = "" } = call.arrival;
    const method = nameOf(call.method);
    const code = error?.reason ?? "OK";
    metrics.count(method, code, door, ms);
    log.info(
      { method, result: code, ms: Math.round(ms * 100) / 100, door, requestId, ...callerOf(call.identity) },
      "call",
    );
    if (error?.reason === "INTERNAL")
      log.error({ method, requestId, err: error.cause ?? error }, "internal error");
  };
}

/** `User.Get` */
function nameOf(method: DescMethod): string {
  return `${method.parent.name}.${method.name}`;
}

function callerOf(identity: Identity | undefined): { uid?: number; appid?: string } {
  if (!identity) return {};
  return identity.kind === "user" ? { uid: identity.uid } : { appid: identity.appid };
}
