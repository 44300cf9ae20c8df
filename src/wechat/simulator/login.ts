import { BadRequest, fields, json, type Routes, refuse, type SimReply } from "./router.ts";
import { type MintedCode, type Person, remember, type Simulation } from "./state.ts";

const codeLifetimeMs = 5 * 60_000;
const minuteMs = 60_000;
const callsPerMinute = 100;

/** `dev:<name>`: the code of the person `<name>` that never runs out. */
const devCode = /^dev:([A-Za-z0-9_.-]{1,64})$/;

/** Logging in with a code, and making one. */
export function loginRoutes(sim: Simulation): Routes {
  return {
    "GET /sns/jscode2session": ({ query }) => jscode2session(sim, query),

    "POST /sim/code": (request) => {
      const { openid } = fields(request, ["openid"]);
      if (typeof openid !== "string" || !/^[\x21-\x7e]{1,100}$/.test(openid)) {
        throw new BadRequest("openid must be 1 to 100 printable ASCII characters");
      }
      return json({ code: mint(sim, openid).code });
    },
  };
}

/** Makes a code for an openid, which is taken as given. */
export function mint(sim: Simulation, openid: string): MintedCode {
  forgetExpired(sim);
  person(sim, openid);
  const code = sim.random(24).toString("base64url");
  return remember(sim.state.codes, code, {
    code,
    openid,
    expiresAt: sim.now() + sim.scaled(codeLifetimeMs),
  });
}

/** The person with this openid, made when it is new. */
export function person(sim: Simulation, openid: string): Person {
  const known = sim.state.people.get(openid);
  if (known) return known;
  const minute = { since: sim.now(), calls: 0 };
  return remember(sim.state.people, openid, { openid, unionid: unionidOf(openid), logins: 0, minute });
}

/** In the order in which WeChat looks at the parameters. */
function jscode2session(sim: Simulation, query: URLSearchParams): SimReply {
  const appid = query.get("appid");
  const secret = query.get("secret");
  const code = query.get("js_code");
  if (!appid) return refuse(sim, 41002);
  if (!secret) return refuse(sim, 41004);
  if (!code) return refuse(sim, 41008);
  if (query.get("grant_type") !== "authorization_code") return refuse(sim, 40002);
  if (appid !== sim.appid) return refuse(sim, 40013);
  if (secret !== sim.secret) return refuse(sim, 40125);

  const name = devCode.exec(code)?.[1];
  if (name !== undefined) return session(sim, person(sim, `sandbox_${name}`));

  const minted = sim.state.codes.get(code);
  if (!minted || sim.now() >= minted.expiresAt) return refuse(sim, 40029);
  const who = person(sim, minted.openid);
  if (overQuota(sim, who)) return refuse(sim, 45011);
  if (minted.usedBy) return refuse(sim, 40163, `, hints: [ req_id: ${minted.usedBy.reqId} ]`);
  minted.usedBy = { reqId: sim.random(9).toString("base64url") };
  return session(sim, who);
}

function session(sim: Simulation, who: Person): SimReply {
  who.logins += 1;
  const sessionKey = sim.random(16).toString("base64");
  const answer = json({ session_key: sessionKey, openid: who.openid, unionid: who.unionid });
  // WeChat says text/plain here, although it is JSON.
  return { ...answer, type: "text/plain" };
}

/** Counts a call; true from the 101st of a minute on. */
function overQuota(sim: Simulation, who: Person): boolean {
  if (sim.now() - who.minute.since >= sim.scaled(minuteMs)) who.minute = { since: sim.now(), calls: 0 };
  who.minute.calls += 1;
  return who.minute.calls > callsPerMinute;
}

/** `unionid_` cannot meet `union_`, so two openids never become one person. */
function unionidOf(openid: string): string {
  const prefix = "sandbox_";
  return openid.startsWith(prefix) ? `union_${openid.slice(prefix.length)}` : `unionid_${openid}`;
}

/** Codes stand in the order in which they were made, and all live equally long. */
function forgetExpired({ state, now }: Simulation): void {
  for (const { code, expiresAt } of state.codes.values()) {
    if (now() < expiresAt) return;
    state.codes.delete(code);
  }
}
