import { createHash } from "node:crypto";
import { checkCredentials } from "./credentials.ts";
import { escapeHtml } from "./escape.ts";
import { asText, codeHolder, nameOf, person, useUp } from "./login.ts";
import { json, ok, Refusal, type Routes, type SimReply, type SimRequest } from "./router.ts";
import { type PageScope, type PageToken, type RefreshToken, remember, type Simulation } from "./state.ts";
import { looksLikeToken, newToken, secondsUntil } from "./token.ts";

const accessLifetimeMs = 7200_000;
const refreshLifetimeMs = 30 * 24 * 3600_000;

/**
 * What a server does with the code of a page authorisation
 * (https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsaccesstoken.html).
 */
export function oauthRoutes(sim: Simulation): Routes {
  return {
    "GET /sns/oauth2/access_token": ({ query }) => asText(changeCode(sim, query)),
    "GET /sns/oauth2/refresh_token": ({ query }) => asText(refresh(sim, query)),
    "GET /sns/userinfo": (request) => asText(userInfo(sim, request)),
    "GET /sns/auth": ({ query }) => {
      checkPageToken(sim, query);
      return asText(ok());
    },
    "GET /sim/avatar/{openid}": ({ params }) => avatar(params.openid ?? ""),
  };
}

function changeCode(sim: Simulation, query: URLSearchParams): SimReply {
  const code = query.get("code") ?? "";
  const given = { appid: query.get("appid"), secret: query.get("secret"), code: { value: code } };
  checkCredentials(sim, { ...given, grantType: query.get("grant_type") }, "authorization_code");
  const { who, minted } = codeHolder(sim, code);
  if (minted) useUp(sim, minted);
  const scope = minted?.scope ?? "snsapi_userinfo";
  const token = newToken(sim);
  const access = issue(sim, who.openid, scope);
  const expiresAt = sim.now() + sim.scaled(refreshLifetimeMs);
  const refreshToken = remember(sim.state.refreshTokens, token, { token, access, expiresAt });
  const unionid = scope === "snsapi_userinfo" ? { unionid: who.unionid } : {};
  return json({ ...described(sim, refreshToken), ...unionid });
}

/** An access token that still lives is prolonged, one that does not gets a successor. */
function refresh(sim: Simulation, query: URLSearchParams): SimReply {
  const given = query.get("refresh_token");
  if (!query.get("appid")) throw new Refusal(41002);
  if (!given) throw new Refusal(41003);
  if (query.get("grant_type") !== "refresh_token") throw new Refusal(40002);
  if (query.get("appid") !== sim.appid) throw new Refusal(40013);
  const token = sim.state.refreshTokens.get(given);
  if (!token) throw new Refusal(40030);
  if (sim.now() >= token.expiresAt) throw new Refusal(42002);
  const { openid, scope, expiresAt } = token.access;
  if (sim.now() >= expiresAt) token.access = issue(sim, openid, scope);
  else token.access.expiresAt = sim.now() + sim.scaled(accessLifetimeMs);
  return json(described(sim, token));
}

function issue(sim: Simulation, openid: string, scope: PageScope): PageToken {
  const token = newToken(sim);
  const expiresAt = sim.now() + sim.scaled(accessLifetimeMs);
  return remember(sim.state.pageTokens, token, { token, openid, scope, expiresAt });
}

function described(sim: Simulation, { token, access }: RefreshToken) {
  return {
    access_token: access.token,
    expires_in: secondsUntil(sim, access.expiresAt),
    refresh_token: token,
    openid: access.openid,
    scope: access.scope,
  };
}

/**
 * The page's token, which is none of the app's, and belongs to the openid beside it.
 * @throws Refusal 41001, 41009 (missing), 40014, 40001, 42001, 40003 (somebody else's)
 */
function checkPageToken(sim: Simulation, query: URLSearchParams): PageToken {
  const given = query.get("access_token");
  const openid = query.get("openid");
  if (!given) throw new Refusal(41001);
  if (!openid) throw new Refusal(41009);
  if (!looksLikeToken(given)) throw new Refusal(40014);
  const token = sim.state.pageTokens.get(given);
  if (!token) throw new Refusal(40001);
  if (sim.now() >= token.expiresAt) throw new Refusal(42001);
  if (token.openid !== openid) throw new Refusal(40003);
  return token;
}

/** WeChat has answered with empty places and sex 0 since 2021. */
function userInfo(sim: Simulation, { query, headers }: SimRequest): SimReply {
  const { openid, scope } = checkPageToken(sim, query);
  if (scope !== "snsapi_userinfo") throw new Refusal(48001);
  return json({
    openid,
    nickname: nameOf(openid),
    sex: 0,
    language: "",
    city: "",
    province: "",
    country: "",
    headimgurl: `http://${headers.host ?? "127.0.0.1"}/sim/avatar/${encodeURIComponent(openid)}`,
    privilege: [],
    unionid: person(sim, openid).unionid,
  });
}

/** A person's first letter on a colour of their own. */
function avatar(openid: string): SimReply {
  const hue = createHash("sha1").update(openid).digest().readUInt16BE() % 360;
  const [letter = ""] = nameOf(openid).toUpperCase();
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 132">
<rect width="132" height="132" fill="hsl(${hue},60%,45%)"/>
<text x="66" y="88" font-size="64" font-family="sans-serif" text-anchor="middle" fill="#fff">${escapeHtml(letter)}</text>
</svg>
`;
  return { status: 200, type: "image/svg+xml", body };
}
