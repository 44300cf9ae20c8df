import { readFileSync } from "node:fs";
import { paymentView, refundView } from "./pay/views.ts";
import { html, json, type Routes } from "./router.ts";
import type { Simulation } from "./state.ts";

/** How many of a kind the page shows, the newest. */
const mostRows = 50;

const page = readFileSync(new URL("page.html", import.meta.url), "utf8");

/** What a person sees of the simulator, and its health. */
export function pageRoutes(sim: Simulation): Routes {
  return {
    "GET /": () => html(page),
    "GET /sim/overview": () => json(overview(sim)),
    "GET /healthz": () => json({ status: "ok" }),
  };
}

/** All that the page shows, the newest first. */
function overview({ state, appid, now }: Simulation) {
  return {
    appid,
    callback_url: state.callbackUrl ?? null,
    people: newest(state.people).map(({ openid, unionid, logins, subscribed }) => ({
      openid,
      unionid,
      logins,
      subscribed: subscribed ?? false,
    })),
    payments: newest(state.pay.payments).map(paymentView),
    refunds: newest(state.pay.refunds).map(refundView),
    messages: newest(state.messages),
    codes: newest(state.codes).map(({ code, openid, usedBy, expiresAt }) => ({
      code,
      openid,
      state: now() >= expiresAt ? "expired" : usedBy ? "used" : "unused",
    })),
    faults: state.faults.map(({ path, errcode, status, drop, delayMs, after, left }) => ({
      path,
      what: [
        errcode !== undefined && `errcode ${errcode}`,
        status !== undefined && `HTTP ${status}`,
        drop && "drop",
        delayMs > 0 && `delay ${delayMs} ms`,
        after && "after the work",
      ]
        .filter((part) => part !== false && part !== undefined)
        .join(", "),
      left,
    })),
  };
}

function newest<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map.values()].slice(-mostRows).reverse();
}
