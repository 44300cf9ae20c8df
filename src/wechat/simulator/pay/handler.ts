import { type Handler, json, type SimReply, type SimRequest } from "../router.ts";
import type { Simulation } from "../state.ts";
import { checkAuthorization } from "./authorization.ts";
import { PayRefusal, unfit } from "./refusal.ts";
import { signed } from "./sealing.ts";

/** What a `/v3/` request is answered with: JSON and 200, or nothing and 204. Throws a PayRefusal. */
export type PayWork = (request: SimRequest) => object | undefined;

/** Makes a handler of WeChat Pay's: the request's signature is checked, and every answer is signed. */
export function payHandler(sim: Simulation, work: PayWork): Handler {
  return (request) => {
    try {
      checkAuthorization(sim, request);
      const answer = work(request);
      return sealed(sim, request, answer ? json(answer) : { ...json({}, 204), body: "" });
    } catch (error) {
      if (!(error instanceof PayRefusal)) throw error;
      const { status, code, message, detail } = error;
      return sealed(sim, request, json({ code, message, ...(detail ? { detail } : {}) }, status));
    }
  };
}

/** Answers what is under `/v3/` and not simulated. `other` is the method that the path takes. */
export function strayPayRequest(sim: Simulation, request: SimRequest, other: string | undefined) {
  const refusal = other
    ? unfit(`this path takes ${other}`, "INVALID_REQUEST", 405)
    : unfit("no such path", "RESOURCE_NOT_EXISTS", 404);
  return payHandler(sim, () => {
    throw refusal;
  })(request);
}

function sealed(sim: Simulation, request: SimRequest, reply: SimReply): SimReply {
  const headers = {
    ...signed(sim, reply.body, request.headers["wechatpay-serial"]),
    "Request-ID": sim.random(12).toString("hex"),
  };
  return { ...reply, headers };
}
