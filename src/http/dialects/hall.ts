import { create } from "@bufbuild/protobuf";
import { Hall, HallTokenRequestSchema, type HallTokenResponse } from "../../../gen/liveuser/hall_pb.ts";
import { Call } from "../../rpc/call.ts";
import { toAppError } from "../../rpc/errors.ts";
import type { Pipeline } from "../../rpc/pipeline.ts";
import { arrivalOf, type Exchange, send } from "../exchange.ts";

/**
 * `GET /service/1.0/access/token?appid=…&secret=…`: Hall.Token at the hall's own URL. Answers
 * `{"data": "<token>", "status": 200, "info": 0}`, or with status 0 and in data what went wrong; HTTP 200
 * either way, as the clients of that system expect.
 */
export async function answerHallToken(pipeline: Pipeline, exchange: Exchange): Promise<void> {
  const query = new URL(exchange.req.url ?? "", "http://hall").searchParams;
  const call = new Call(Hall.method.token, arrivalOf(exchange, "hall"));
  exchange.onGone = (reason) => call.end(reason);
  const request = create(HallTokenRequestSchema, {
    appid: query.get("appid") ?? "",
    secret: query.get("secret") ?? "",
  });
  const answer = await pipeline.invoke(call, request).then(
    (message) => ({ data: (message as HallTokenResponse).accessToken, status: 200, info: 0 }),
    (thrown: unknown) => ({ data: toAppError(thrown).message, status: 0, info: 0 }),
  );
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  send(exchange, 200, headers, JSON.stringify(answer));
}
