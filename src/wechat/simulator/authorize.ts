import { escapeHtml } from "./escape.ts";
import { mint, nameOf, openidOf, personName } from "./login.ts";
import { html, type Routes, type SimReply, type SimRequest } from "./router.ts";
import type { PageScope, Simulation } from "./state.ts";

/** In the order in which WeChat wants them. */
const parameters = ["appid", "redirect_uri", "response_type", "scope", "state"] as const;
const longestState = 128;
/** How many people the page offers, the newest. */
const mostPeople = 20;

/** A page's request to know who looks at it. */
interface Authorization {
  redirect: URL;
  scope: PageScope;
  state: string;
}

/** A request that WeChat answers with an error page. */
class PageError extends Error {}

/**
 * The page authorisation: who are you, and may the page know?
 * (https://developers.weixin.qq.com/doc/service/guide/h5/auth.html)
 */
export function authorizeRoutes(sim: Simulation): Routes {
  return {
    "GET /connect/oauth2/authorize": (request) => {
      try {
        return authorize(sim, request);
      } catch (error) {
        if (error instanceof PageError)
          return html(page("Not possible", `<p>${escapeHtml(error.message)}</p>`), 400);
        throw error;
      }
    },
  };
}

function authorize(sim: Simulation, { query }: SimRequest): SimReply {
  const authorization = read(sim, query);
  const { scope, state } = authorization;
  if (query.has("sim_refuse")) return back(authorization, `state=${encodeURIComponent(state)}`);
  const chosen = query.get("sim_openid");
  if (chosen === null) return html(page("Who are you?", question(sim, query, authorization)));
  const name = nameOf(chosen.trim());
  if (!personName.test(name)) {
    throw new PageError("sim_openid must be a name of 1 to 64 letters, digits or _ . -");
  }
  const { code } = mint(sim, openidOf(name), scope);
  return back(authorization, `code=${code}&state=${encodeURIComponent(state)}`);
}

function read(sim: Simulation, query: URLSearchParams): Authorization {
  const given = [...query.keys()].filter((name) => !name.startsWith("sim_"));
  const wanted = parameters.filter((name) => given.includes(name));
  for (const name of parameters.slice(0, 4)) {
    if (!query.get(name)) throw new PageError(`${name} is missing`);
  }
  if (given.join() !== wanted.join()) {
    throw new PageError(`the parameters must be, once each and in this order: ${parameters.join(", ")}`);
  }
  if (query.get("appid") !== sim.appid) throw new PageError("appid is not the app's");
  if (query.get("response_type") !== "code") throw new PageError("response_type must be code");
  const scope = query.get("scope");
  if (scope !== "snsapi_base" && scope !== "snsapi_userinfo") {
    throw new PageError("scope must be snsapi_base or snsapi_userinfo");
  }
  const redirect = URL.parse(query.get("redirect_uri") ?? "");
  if (!redirect || !/^https?:$/.test(redirect.protocol)) {
    throw new PageError("redirect_uri must be an http or https URL");
  }
  const state = query.get("state") ?? "";
  if (Buffer.byteLength(state) > longestState) {
    throw new PageError(`state must not be longer than ${longestState} bytes`);
  }
  return { redirect, scope, state };
}

/** Sends the person back; what the page's address already had stays as it was. */
function back({ redirect }: Authorization, answer: string): SimReply {
  const target = new URL(redirect);
  target.search = target.search ? `${target.search}&${answer}` : answer;
  return { ...html("", 302), headers: { location: target.href } };
}

function question(sim: Simulation, query: URLSearchParams, { redirect, scope }: Authorization): string {
  const people = [...sim.state.people.keys()]
    .filter((openid) => openidOf(nameOf(openid)) === openid)
    .slice(-mostPeople)
    .reverse();
  const hidden = parameters
    .filter((name) => query.has(name))
    .map((name) => `<input type="hidden" name="${name}" value="${escapeHtml(query.get(name) ?? "")}">`);
  const names = people.map((openid) => escapeHtml(nameOf(openid)));
  const what = scope === "snsapi_base" ? "your openid" : "your openid, name and picture";
  return `<p><b>${escapeHtml(redirect.host)}</b> wants to know ${what}.</p>
<form>${hidden.join("")}
<p>${names.map((name) => `<button name="sim_openid" value="${name}">${name}</button>`).join(" ")}</p>
</form>
<form>${hidden.join("")}
<p><input name="sim_openid" placeholder="a name" pattern="[A-Za-z0-9_.\\-]{1,64}" required autofocus> <button>Allow</button></p>
</form>
<form>${hidden.join("")}
<p><button name="sim_refuse" value="1">Refuse</button></p>
</form>`;
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>WeChat simulator</title>
<style>body{font:16px sans-serif;margin:2rem}button,input{font:inherit;padding:.3rem .8rem}</style>
</head>
<body>
<h1>${title}</h1>
${content}
</body>
</html>
`;
}
