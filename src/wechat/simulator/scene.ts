import { escapeHtml } from "./escape.ts";
import { html, isObject, json, posted, Refusal, type Routes, type SimReply } from "./router.ts";
import { remember, type Scene, type Simulation } from "./state.ts";
import { checkAppToken } from "./token.ts";

const defaultSeconds = 60;
const mostSeconds = 30 * 86400;
/** Of QR codes that stay. */
const mostLastingScenes = 100_000;
const mostScenes = 2 ** 32 - 1;
/** 1 to 64 characters that XML may carry. */
const sceneText = /^[^\p{Cc}\p{Cs}]{1,64}$/u;

const kinds = new Map<unknown, { stays: boolean; named: boolean }>([
  ["QR_SCENE", { stays: false, named: false }],
  ["QR_STR_SCENE", { stays: false, named: true }],
  ["QR_LIMIT_SCENE", { stays: true, named: false }],
  ["QR_LIMIT_STR_SCENE", { stays: true, named: true }],
]);

/**
 * QR codes with a scene
 * (https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodes/api_createqrcode.html).
 */
export function sceneRoutes(sim: Simulation): Routes {
  return {
    "POST /cgi-bin/qrcode/create": (request) => {
      checkAppToken(sim, request);
      const { action_name: action, action_info: info, expire_seconds = defaultSeconds } = posted(request);
      const kind = kinds.get(action);
      if (!kind) throw new Refusal(40052);
      const scene = readScene(info, kind);
      const seconds = kind.stays ? undefined : readSeconds(expire_seconds);
      const { ticket, url } = makeScene(sim, scene, seconds);
      return json({ ticket, ...(seconds === undefined ? {} : { expire_seconds: seconds }), url });
    },

    "GET /cgi-bin/showqrcode": ({ query }) => {
      const scene = liveScene(sim, query.get("ticket") ?? "");
      return scene ? picture(scene) : html("<p>no such ticket, or its time is over</p>\n", 404);
    },
  };
}

/** A QR code for a scene; `seconds` undefined for one that stays. */
function makeScene(sim: Simulation, scene: string, seconds: number | undefined): Scene {
  const ticket = newTicket(sim);
  const url = `http://weixin.qq.com/q/${sim.random(18).toString("base64url")}`;
  const expiresAt = seconds === undefined ? undefined : sim.now() + sim.scaled(seconds * 1000);
  return remember(sim.state.scenes, ticket, { ticket, scene, url, expiresAt });
}

/** A text like WeChat's tickets: base64, which a URL has to encode. */
export function newTicket(sim: Simulation): string {
  return `gQ${sim.random(67).toString("base64")}`;
}

/** The QR code with this ticket, unless it ran out. */
export function liveScene(sim: Simulation, ticket: string): Scene | undefined {
  const scene = sim.state.scenes.get(ticket);
  return scene && sim.now() < (scene.expiresAt ?? Number.POSITIVE_INFINITY) ? scene : undefined;
}

/** Whether this may be the number of a scene. */
export function isSceneId(value: unknown, most = mostScenes): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most;
}

/** Whether this may be the text of a scene. */
export function isSceneText(value: unknown): value is string {
  return typeof value === "string" && sceneText.test(value);
}

function readScene(info: unknown, { stays, named }: { stays: boolean; named: boolean }): string {
  const scene = isObject(info) && isObject(info.scene) ? info.scene : {};
  if (named && isSceneText(scene.scene_str)) return scene.scene_str;
  if (!named && isSceneId(scene.scene_id, stays ? mostLastingScenes : mostScenes))
    return String(scene.scene_id);
  throw new Refusal(40053);
}

function readSeconds(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > mostSeconds) {
    throw new Refusal(40035);
  }
  return value;
}

/** No QR code, as no WeChat could scan it: the text that it would have. */
function picture({ scene, url }: Scene): SimReply {
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 430 430" font-family="monospace">
<rect x="5" y="5" width="420" height="420" fill="#fff" stroke="#000" stroke-width="10"/>
<text x="215" y="200" font-size="24" text-anchor="middle">scene ${escapeHtml(scene)}</text>
<text x="215" y="240" font-size="12" text-anchor="middle">${escapeHtml(url)}</text>
</svg>
`;
  return { status: 200, type: "image/svg+xml", body };
}
