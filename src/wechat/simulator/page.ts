import { readFileSync } from "node:fs";
import { paymentView, refundView } from "./pay/views.ts";
import { html, json, type Routes, type SimReply } from "./router.ts";
import type { Fault, Simulation } from "./state.ts";

/** How many of a kind the page shows, the newest. */
const mostRows = 50;

/** Nothing from elsewhere, and inside of no other page, which could have its buttons pressed unawares. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a person sees of the simulator, and its health. */
export function pageRoutes(sim: Simulation): Routes {
  const [page, style, script] = [file("page.html"), file("page.css"), file("page.js")];
  return {
    "GET /": () => ({ ...html(page), headers: { "content-security-policy": policy } }),
    "GET /sim/page.css": () => asset("text/css", style),
    "GET /sim/page.js": () => asset("text/javascript", script),
    "GET /sim/overview": () => json(overview(sim)),
    "GET /healthz": () => json({ status: "ok" }),
  };
}

function file(name: string): string {
  return readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
}

function asset(type: string, body: string): SimReply {
  return { status: 200, type: `${type}; charset=utf-8`, body };
}

/** All that the page shows, the newest first. */
function overview({ state, appid, now }: Simulation) {
  const { people, pay, messages, events, scenes, codes, faults, callbackUrl } = state;
  const { payments, refunds } = pay;
  const shown = { people, payments, refunds, messages, events, scenes, codes };
  const sizes = Object.entries(shown).map(([name, { size }]) => [name, size]);
  return {
    appid,
    callback_url: callbackUrl ?? null,
    merchant_empty: pay.empty,
    /** Of all, also of those that are not shown. */
    counts: { ...Object.fromEntries(sizes), faults: faults.length },
    people: newest(people).map(({ openid, unionid, logins, subscribed = false }) => ({
      openid,
      unionid,
      logins,
      subscribed,
    })),
    payments: newest(payments).map(paymentView),
    refunds: newest(refunds).map(refundView),
    messages: newest(messages),
    events: newest(events),
    scenes: newest(scenes)
      .filter(({ expiresAt = Number.POSITIVE_INFINITY }) => now() < expiresAt)
      .map(({ ticket, scene, expiresAt }) => ({
        ticket,
        scene,
        expires_at: expiresAt === undefined ? null : Math.floor(expiresAt / 1000),
      })),
    codes: newest(codes).map(({ code, openid, usedBy, expiresAt }) => ({
      code,
      openid,
      state: now() >= expiresAt ? "expired" : usedBy ? "used" : "unused",
    })),
    faults: faults.map((fault) => ({ path: fault.path, what: effect(fault), left: fault.left })),
  };
}

function effect({ errcode, status, drop, delayMs, after }: Fault): string {
  const parts = [
    errcode !== undefined && `errcode ${errcode}`,
    status !== undefined && `HTTP ${status}`,
    drop && "drop",
    delayMs > 0 && `delay ${delayMs} ms`,
    after && "after the work",
  ];
  return parts.filter(Boolean).join(", ");
}

function newest<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map.values()].slice(-mostRows).reverse();
}
