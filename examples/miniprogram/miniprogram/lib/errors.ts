import { ConnectError, metadataOf, reasonOf } from "liveuser-client";

const texts: Record<string, string> = {
  UNAVAILABLE: "The server is busy. Try again in a moment.",
  DEADLINE_PASSED: "That took too long. Try again.",
  RATE_LIMITED: "Too many tries. Wait a little.",
  SESSION_REVOKED: "You were signed out. Try again to sign in.",
  REFRESH_TOKEN_REUSED: "You were signed out. Try again to sign in.",
  REFRESH_TOKEN_EXPIRED: "You were away for long. Try again to sign in.",
  REFRESH_TOKEN_INVALID: "You were signed out. Try again to sign in.",
  TOKEN_MISSING: "You are signed out. Sign in under Me.",
  USER_BANNED: "This account is blocked.",
  WX_CODE_INVALID: "WeChat's code ran out. Try again.",
  WX_CODE_USED: "WeChat's code ran out. Try again.",
  WX_USER_RISKY: "WeChat holds this account for risky.",
  WX_UNAVAILABLE: "WeChat does not answer. Try again in a moment.",
  WX_PAY_REFUSED: "WeChat Pay refused that.",
  SCENE_NOT_FOUND: "Scan the code at your seat first.",
  SEAT_NOT_FOUND: "That code belongs to no seat.",
  PRODUCT_NOT_FOUND: "That is not on sale any more.",
  MOVIE_NOT_FOUND: "That movie is not on any more.",
  MOVIE_NOT_IN_CART: "That movie is not in the cart any more.",
  CART_EMPTY: "The cart is empty.",
  AMOUNT_OVERFLOW: "That is too much for one order.",
  ORDER_NOT_FOUND: "There is no such order.",
  NOTHING_TO_PAY: "There is nothing to pay.",
  ALREADY_PAID: "That is paid already.",
  TICKET_NOT_FOUND: "There is no such ticket.",
  SESSION_NOT_FOUND: "That device is signed out already.",
};

const unknown = "That went wrong. Try again.";
const unreachable = "No answer from the server. Check the network and try again.";

/** Why a call failed, in words for the person. */
export function textOf(error: unknown): string {
  const reason = reasonOf(error);
  if (reason === undefined) return error instanceof ConnectError ? unreachable : unknown;
  if (reason === "ORDER_STATE") return `That can't be done: the order is ${stateOf(error)}.`;
  if (reason === "TICKET_STATE") return `That can't be done: the ticket is ${stateOf(error)}.`;
  return texts[reason] ?? unknown;
}

function stateOf(error: unknown): string {
  const { state, status } = metadataOf(error);
  return (state ?? status ?? "in another state").toLowerCase().replace(/_/g, " ");
}
