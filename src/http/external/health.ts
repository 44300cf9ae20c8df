import { type Exchange, send } from "../exchange.ts";
import { inTime } from "../in-time.ts";

/** A check that takes longer has failed (ms). */
const patienceMs = 2000;

/** `GET /healthz`: 200 while the server can serve, else 503. Why not is for the log, not for the caller. */
export async function answerHealth(exchange: Exchange, healthy: () => Promise<void>): Promise<void> {
  const well = await inTime(healthy(), patienceMs).then(
    () => true,
    () => false,
  );
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  send(exchange, well ? 200 : 503, headers, JSON.stringify({ status: well ? "ok" : "unavailable" }));
}
