import { type Exchange, send } from "../exchange.ts";

/** `GET /.well-known/jwks.json`: the public keys of the tokens (RFC 7517). */
export function answerJwks(exchange: Exchange, jwks: unknown): void {
  const headers = { "content-type": "application/json", "cache-control": "public, max-age=300" };
  send(exchange, 200, headers, JSON.stringify(jwks));
}
