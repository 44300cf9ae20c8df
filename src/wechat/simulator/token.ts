import { checkCredentials } from "./credentials.ts";
import { count } from "./quota.ts";
import { json, ok, posted, Refusal, type Routes, type SimReply, type SimRequest } from "./router.ts";
import { type AppToken, remember, type Simulation } from "./state.ts";

const lifetimeMs = 7200_000;
/** How long before its end a token or ticket gets a successor, and how long a replaced token still works. */
const overlapMs = 5 * 60_000;
const dayMs = 24 * 3600_000;
const plainCallsPerDay = 2000;
const forcedPerDay = 20;
const forcedApartMs = 30_000;

/**
 * The app's access tokens and the ticket of the JS-SDK
 * (https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html).
 * The two paths have tokens of their own, which do not end each other.
 */
export function tokenRoutes(sim: Simulation): Routes {
  return {
    "GET /cgi-bin/token": ({ query }) => {
      const given = { appid: query.get("appid"), secret: query.get("secret") };
      checkCredentials(sim, { ...given, grantType: query.get("grant_type") }, "client_credential");
      return answer(sim, plainToken(sim));
    },

    "POST /cgi-bin/stable_token": (request) => {
      const { appid, secret, grant_type: grantType, force_refresh: force = false } = posted(request);
      checkCredentials(sim, { appid, secret, grantType }, "client_credential");
      if (typeof force !== "boolean") throw new Refusal(47001);
      return answer(sim, stableToken(sim, force));
    },

    "GET /cgi-bin/ticket/getticket": (request) => {
      checkAppToken(sim, request);
      if (request.query.get("type") !== "jsapi") throw new Refusal(40035);
      const { ticket, expiresAt } = jsTicket(sim);
      return ok({ ticket, expires_in: secondsUntil(sim, expiresAt) });
    },
  };
}

/**
 * Checks the app's token of a request. One that ran out is told from one that a newer one ended.
 * @throws Refusal 41001 (missing), 40014 (of no token's form), 40001 (unknown or replaced), 42001 (7200 s are over)
 */
export function checkAppToken(sim: Simulation, { query }: SimRequest): void {
  const given = query.get("access_token");
  if (!given) throw new Refusal(41001);
  if (!looksLikeToken(given)) throw new Refusal(40014);
  const token = sim.state.tokens.issued.get(given);
  if (!token) throw new Refusal(40001);
  if (sim.now() >= token.expiresAt) throw new Refusal(42001);
  if (sim.now() >= token.endsAt) throw new Refusal(40001);
}

/** A text of a token's form. */
export function newToken(sim: Simulation): string {
  return `sim_${sim.random(99).toString("base64url")}`;
}

/** Whether a text could be a token at all. */
export function looksLikeToken(text: string): boolean {
  return /^sim_[\w-]{132}$/.test(text);
}

/** What is left (s), in the simulator's time, as the receiver's clock will count it. */
export function secondsUntil(sim: Simulation, expiresAt: number): number {
  return Math.max(1, Math.floor((expiresAt - sim.now()) / 1000));
}

function answer(sim: Simulation, { token, expiresAt }: AppToken): SimReply {
  return json({ access_token: token, expires_in: secondsUntil(sim, expiresAt) });
}

/** A new one with every call. */
function plainToken(sim: Simulation): AppToken {
  const { tokens } = sim.state;
  if (count(tokens.plainCalls, sim.now(), sim.scaled(dayMs)) > plainCallsPerDay) throw new Refusal(45009);
  endAfter(sim, tokens.plain, overlapMs);
  tokens.plain = issue(sim);
  return tokens.plain;
}

/**
 * The newest until its last 5 minutes. A forced one ends the one before at once; within 30 s of the last
 * it is not forced.
 */
function stableToken(sim: Simulation, force: boolean): AppToken {
  const { tokens } = sim.state;
  const now = sim.now();
  if (force && now - (tokens.forcedAt ?? Number.NEGATIVE_INFINITY) >= sim.scaled(forcedApartMs)) {
    if (count(tokens.forcedCalls, now, sim.scaled(dayMs)) > forcedPerDay) throw new Refusal(45009);
    tokens.forcedAt = now;
    endAfter(sim, tokens.stable, 0);
    tokens.stable = undefined;
  }
  if (!tokens.stable || now >= tokens.stable.expiresAt - sim.scaled(overlapMs)) tokens.stable = issue(sim);
  return tokens.stable;
}

function issue(sim: Simulation): AppToken {
  const token = newToken(sim);
  const expiresAt = sim.now() + sim.scaled(lifetimeMs);
  return remember(sim.state.tokens.issued, token, { token, expiresAt, endsAt: expiresAt });
}

function endAfter(sim: Simulation, token: AppToken | undefined, ms: number): void {
  if (token) token.endsAt = Math.min(token.endsAt, sim.now() + sim.scaled(ms));
}

function jsTicket(sim: Simulation): { ticket: string; expiresAt: number } {
  const { tokens } = sim.state;
  if (!tokens.jsTicket || sim.now() >= tokens.jsTicket.expiresAt - sim.scaled(overlapMs)) {
    const ticket = `sim_${sim.random(63).toString("base64url")}`;
    tokens.jsTicket = { ticket, expiresAt: sim.now() + sim.scaled(lifetimeMs) };
  }
  return tokens.jsTicket;
}
