import { type Exchange, queryOf, send } from "../exchange.ts";

const headers = { "content-type": "application/json", "cache-control": "no-store" };

/**
 * `GET /sim/sms?phone=`: the newest code that the sandbox sent to a number, as {phone, code}; 404 when there
 * is none.
 */
export function createSandboxSms(newest: (phone: string) => string | undefined) {
  return {
    GET(exchange: Exchange): void {
      const phone = queryOf(exchange).get("phone") ?? "";
      const code = newest(phone);
      const answer = code === undefined ? { error: "no message to that number" } : { phone, code };
      send(exchange, code === undefined ? 404 : 200, headers, JSON.stringify(answer));
    },
  };
}
