import { checkCredentials } from "./credentials.ts";
import { count } from "./quota.ts";
import { BadRequest, fields, json, Refusal, type Routes, type SimReply } from "./router.ts";
import {
  forgetExpired,
  type MintedCode,
  type PageScope,
  type Person,
  remember,
  type Simulation,
} from "./state.ts";

/** How long codes of every kind live. */
export const codeLifetimeMs = 5 * 60_000;
const minuteMs = 60_000;
const callsPerMinute = 100;

/** A name of the sandbox's people: `dev:<name>` is their code, `sandbox_<name>` their openid. */
export const personName = /^[A-Za-z0-9_.-]{1,64}$/;
const devPrefix = "dev:";
const openidPrefix = "sandbox_";
const openidForm = /^[\x21-\x7e]{1,100}$/;

/** Logging in with a code, and making one. */
export function loginRoutes(sim: Simulation): Routes {
  return {
    "GET /sns/jscode2session": ({ query }) => jscode2session(sim, query),

    "POST /sim/code": (request) => {
      const { openid } = fields(request, ["openid"]);
      return json({ code: mint(sim, personOf(sim, openid).openid).code });
    },
  };
}

/** Makes a code for an openid, which is taken as given. */
export function mint(sim: Simulation, openid: string, scope?: PageScope): MintedCode {
  forgetExpired(sim.state.codes, sim.now());
  person(sim, openid);
  const code = sim.random(24).toString("base64url");
  const expiresAt = sim.now() + sim.scaled(codeLifetimeMs);
  return remember(sim.state.codes, code, { code, openid, scope, expiresAt });
}

/** The person with this openid, made when it is new. */
export function person(sim: Simulation, openid: string): Person {
  const known = sim.state.people.get(openid);
  if (known) return known;
  const minute = { since: sim.now(), calls: 0 };
  const fresh = {
    openid,
    unionid: unionidOf(openid),
    logins: 0,
    minute,
    refused: new Set<string>(),
    lastEvent: 0,
  };
  return remember(sim.state.people, openid, fresh);
}

/**
 * The person that a field of a `/sim/` request names.
 * @throws BadRequest
 */
export function personOf(sim: Simulation, openid: unknown): Person {
  if (typeof openid !== "string" || !openidForm.test(openid)) {
    throw new BadRequest("openid must be 1 to 100 printable ASCII characters");
  }
  return person(sim, openid);
}

/**
 * The person that one of WeChat's own paths was told: somebody seen before, or one of the sandbox's people,
 * who are always there, also after a new start.
 */
export function knownPerson(sim: Simulation, openid: unknown): Person | undefined {
  if (typeof openid !== "string") return undefined;
  const known = sim.state.people.get(openid);
  if (known) return known;
  const name = nameOf(openid);
  return openid.startsWith(openidPrefix) && personName.test(name) ? person(sim, openid) : undefined;
}

/** What a person is called: the `<name>` of `sandbox_<name>`, otherwise the openid. */
export function nameOf(openid: string): string {
  return openid.startsWith(openidPrefix) ? openid.slice(openidPrefix.length) : openid;
}

export function openidOf(name: string): string {
  return openidPrefix + name;
}

/**
 * Whose code this is. `minted` is the code when it can be used once only.
 * @throws Refusal 40029
 */
export function codeHolder(sim: Simulation, code: string): { who: Person; minted?: MintedCode } {
  const name = code.startsWith(devPrefix) ? code.slice(devPrefix.length) : "";
  if (personName.test(name)) return { who: person(sim, openidOf(name)) };
  const minted = sim.state.codes.get(code);
  if (!minted || sim.now() >= minted.expiresAt) throw new Refusal(40029);
  return { who: person(sim, minted.openid), minted };
}

/** Uses a code up. @throws Refusal 40163 when it is used already. */
export function useUp(sim: Simulation, minted: MintedCode): void {
  if (minted.usedBy) throw new Refusal(40163, `, hints: [ req_id: ${minted.usedBy.reqId} ]`);
  minted.usedBy = { reqId: sim.random(9).toString("base64url") };
}

/** WeChat says text/plain on the paths under /sns/, although it is JSON. */
export function asText(reply: SimReply): SimReply {
  return { ...reply, type: "text/plain" };
}

function jscode2session(sim: Simulation, query: URLSearchParams): SimReply {
  const code = query.get("js_code") ?? "";
  const given = { appid: query.get("appid"), secret: query.get("secret"), code: { value: code } };
  checkCredentials(sim, { ...given, grantType: query.get("grant_type") }, "authorization_code");
  const { who, minted } = codeHolder(sim, code);
  if (minted) {
    if (count(who.minute, sim.now(), sim.scaled(minuteMs)) > callsPerMinute) throw new Refusal(45011);
    useUp(sim, minted);
  }
  who.logins += 1;
  const sessionKey = sim.random(16).toString("base64");
  return asText(json({ session_key: sessionKey, openid: who.openid, unionid: who.unionid }));
}

/** `unionid_` cannot meet `union_`, so two openids never become one person. */
function unionidOf(openid: string): string {
  return openid.startsWith(openidPrefix) ? `union_${nameOf(openid)}` : `unionid_${openid}`;
}
