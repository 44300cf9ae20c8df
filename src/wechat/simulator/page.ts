import { html, json, type Routes } from "./router.ts";
import type { Simulation } from "./state.ts";

/** How many rows of a table the page shows, the newest. */
const mostRows = 50;

/** What a person sees of the simulator, and its health. */
export function pageRoutes(sim: Simulation): Routes {
  return {
    "GET /": () => html(page(sim)),
    "GET /healthz": () => json({ status: "ok" }),
  };
}

function page({ state, appid, now }: Simulation): string {
  const people = [...state.people.values()].map((p) => [p.openid, p.unionid, p.logins]);
  const codes = [...state.codes.values()].map((c) => [c.code, c.openid, fate(c, now())]);
  const faults = state.faults.map((f) => [f.path, describe(f), f.left]);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>WeChat simulator</title>
<style>body{font:15px sans-serif;margin:2rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0}td{font-family:monospace}</style>
</head>
<body>
<h1>WeChat simulator</h1>
<p>The app is ${escapeHtml(appid)}. What can be asked is in src/wechat/simulator/README.md.</p>
${table("People", ["openid", "unionid", "logins"], people)}
${table("Codes", ["code", "openid", "state"], codes)}
${table("Faults that wait", ["path", "what", "times"], faults)}
</body>
</html>
`;
}

function fate({ usedBy, expiresAt }: { usedBy?: unknown; expiresAt: number }, now: number): string {
  if (now >= expiresAt) return "expired";
  return usedBy ? "used" : "unused";
}

function describe({ errcode, status, drop, delayMs, after }: Simulation["state"]["faults"][number]): string {
  const parts = [
    errcode !== undefined && `errcode ${errcode}`,
    status !== undefined && `HTTP ${status}`,
    drop && "drop",
    delayMs > 0 && `delay ${delayMs} ms`,
    after && "after the work",
  ];
  return parts.filter((part) => part !== false).join(", ");
}

function table(title: string, head: string[], rows: (string | number)[][]): string {
  const line = (tag: string, cells: (string | number)[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("")}</tr>`;
  const newest = rows.slice(-mostRows).reverse();
  return `<h2>${escapeHtml(title)} (${rows.length})</h2>
<table>
${[line("th", head), ...newest.map((cells) => line("td", cells))].join("\n")}
</table>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
