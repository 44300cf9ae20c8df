import { valuesAt } from "./incoming.ts";
import { railErrors, refused, success } from "./rail-codes.ts";
import { createNonces } from "./rail-nonces.ts";
import { railRoutes } from "./rail-routes.ts";
import { envelope, isSignedWith, signed } from "./rail-sign.ts";
import type { Caller, Dialect, Incoming, Row } from "./table.ts";

/** The key in the document. Everybody has it: for the sandbox alone. */
export const railSandboxKey = "319ceidcbweifbwi";

/** Characters. */
const longestNonce = 32;

export interface RailOptions {
  /** The key of the signatures. */
  key: string;
  clock: { now(): number };
}

/**
 * Buying train tickets. HTTP's status is 200 whatever happens; what happened stands in `code`.
 *
 * What can't be as it was: sendPhoneCode answers no smsCode, since a code that comes with the answer
 * proves nothing; signType is what WeChat Pay signs with today (RSA); termIp is not needed any more and
 * ignored; a contact has no status, so it is empty.
 *
 * A nonceStr is remembered by the process that took it. createOrder, the one call whose repeat would do
 * something again, is safe beyond that: there it is the order's idempotency key.
 */
export function rail({ key, clock }: RailOptions): Dialect {
  const nonces = createNonces({ clock });
  return {
    name: "rail",
    doc: railDocument,
    credential: { header: "loginKey" },
    prefix: "/api/v1/user/",
    envelope,
    routes: railRoutes,
    before: (incoming) => checkFrame(incoming) ?? checkSignature(incoming, key),
    admit(incoming, caller) {
      const row = checkPerson(incoming, caller);
      const nonce = given(incoming, "body", "nonceStr");
      if (row || nonce === undefined) return row;
      const { identity, peer } = caller;
      const who = identity?.kind === "user" ? identity.uid : peer;
      return nonces.use(`${who} ${nonce}`) ? undefined : refused("0017");
    },
    wrap(answer = {}) {
      const fields = typeof answer === "object" && answer !== null && !Array.isArray(answer) ? answer : {};
      return { ...success, data: "sign" in fields ? { ...signed(fields, key) } : answer };
    },
    errors: railErrors,
  };
}

const railDocument = [
  "The rail document: buying train tickets through merchants.",
  "A body holds `userId` (not for login), `userRole` (customer or business), `appCode` (XCX) and `data`: the parameters below, as an object or its JSON text.",
  "`data` also holds `sign` and `nonceStr` (at most 32 characters, another one in each call): in login, addContacts, sendPhoneCode, checkPhoneCode, createOrder and getOrderList they are needed, elsewhere checked where given.",
  "`sign` is MD5 in hex over the parameters sorted by name, without sign and empty ones, as `a=1&b=x&key=KEY`; KEY is the setting RAIL_SIGN_KEY. Numbers, true and false, lists and objects count as their JSON text, as it is sent or in its shortest spelling.",
  "`loginKey` is the access token that login answers; it runs out (0006), and login gives another.",
  "Amounts are yuan, times are China's.",
].join(" ");

/** What every request carries beside its parameters. */
function checkFrame(incoming: Incoming): Row | undefined {
  if (!incoming.path.endsWith("/login")) {
    if (!incoming.header("loginkey")) return refused("0007");
    if (given(incoming, "outer", "userId") === undefined) return refused("0008");
  }
  if (given(incoming, "outer", "appCode") !== "XCX") return refused("0016");
  const role = given(incoming, "outer", "userRole");
  if (role === undefined) return refused("0013", "userRole: missing");
  return role === "customer" || role === "business"
    ? undefined
    : refused("0013", "userRole: expected one of customer, business");
}

function checkSignature(incoming: Incoming, key: string): Row | undefined {
  const sign = given(incoming, "body", "sign");
  if (sign !== undefined && !isSignedWith(incoming, sign, key)) return refused("0017");
  const nonce = given(incoming, "body", "nonceStr");
  const fits = nonce === undefined || (typeof nonce !== "object" && `${nonce}`.length <= longestNonce);
  return fits ? undefined : refused("0013", `nonceStr: expected ${longestNonce} characters at most`);
}

/** A request that speaks for somebody else is as good as one of nobody. A merchant may buy like a customer. */
function checkPerson(incoming: Incoming, { identity }: Caller): Row | undefined {
  if (identity === undefined) return undefined;
  if (identity.kind !== "user") return refused("0006");
  const userId = given(incoming, "outer", "userId");
  const own = typeof userId !== "object" && String(userId) === String(identity.uid);
  const merchant = given(incoming, "outer", "userRole") === "business";
  return own && (!merchant || identity.role === "business") ? undefined : refused("0006");
}

function given(incoming: Incoming, place: "outer" | "body", name: string) {
  return valuesAt(incoming, place, name)[0];
}
