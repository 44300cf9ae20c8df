import { type Delivery, deliver, handshake } from "./callback.ts";
import { cdata } from "./escape.ts";
import { personOf } from "./login.ts";
import { BadRequest, fields, json, type Routes } from "./router.ts";
import { sandboxApp } from "./sandbox-app.ts";
import { isSceneId, isSceneText, liveScene, newTicket } from "./scene.ts";
import { type Person, remember, type Simulation } from "./state.ts";

/** 1 to 2048 characters that XML may carry. */
const messageText = /^([^\p{Cc}\p{Cs}]|[\n\t]){1,2048}$/u;

/** What a person does with the official account, as the message to the server says it. */
type Act =
  | { event: "subscribe" | "unsubscribe" | "SCAN"; scene?: string; ticket?: string }
  | { event: "text"; content: string };

/**
 * Events and messages of the official account
 * (https://developers.weixin.qq.com/doc/service/guide/product/message/Receiving_event_pushes.html).
 */
export function eventRoutes(sim: Simulation): Routes {
  return {
    "POST /sim/event": async (request) => {
      const body = fields(request, ["openid", "event", "scene_id", "content", "encrypted"]);
      const act = readAct(sim, body);
      return json(await tell(sim, personOf(sim, body.openid), act, readEncrypted(body)));
    },

    "POST /sim/scan": async (request) => {
      const body = fields(request, ["openid", "ticket", "encrypted"]);
      const scene = typeof body.ticket === "string" ? liveScene(sim, body.ticket) : undefined;
      if (!scene) throw new BadRequest("no such ticket, or its time is over");
      const who = personOf(sim, body.openid);
      const event = who.subscribed ? "SCAN" : "subscribe";
      const act: Act = { event, scene: scene.scene, ticket: scene.ticket };
      return json({ event, ...(await tell(sim, who, act, readEncrypted(body))) });
    },

    "POST /sim/callback": async (request) => {
      const { url } = fields(request, ["url"]);
      if (typeof url !== "string" || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
        throw new BadRequest("url must be an http or https URL");
      }
      const answer = await handshake(sim, url);
      // WeChat's console does not take a URL that fails.
      if (answer.verified) sim.state.callbackUrl = url;
      return json({ url, ...answer });
    },
  };
}

/** The person acts, and the server is told. */
async function tell(sim: Simulation, who: Person, act: Act, encrypted: boolean): Promise<Delivery> {
  const { callbackUrl } = sim.state;
  if (callbackUrl === undefined) throw new BadRequest("nobody takes events: POST /sim/callback first");
  if (act.event !== "text") who.subscribed = act.event !== "unsubscribe";
  // Servers tell a person's events apart by the second.
  who.lastEvent = Math.max(Math.floor(sim.now() / 1000), who.lastEvent + 1);
  const { openid, lastEvent } = who;
  const { answers } = remember(sim.state.events, `${openid} ${lastEvent}`, {
    openid,
    event: act.event,
    about: (act.event === "text" ? act.content : act.scene) ?? "",
    encrypted,
    sent_at: Math.floor(sim.now() / 1000),
    answers: [],
  });
  return deliver(sim, callbackUrl, { openid, xml: written(sim, who, act), encrypted, answers });
}

function written(sim: Simulation, { openid, lastEvent }: Person, act: Act): string {
  const own = act.event === "text" ? textFields(sim, act.content, lastEvent) : eventFields(act);
  return `<xml>
<ToUserName>${cdata(sandboxApp.originalId)}</ToUserName>
<FromUserName>${cdata(openid)}</FromUserName>
<CreateTime>${lastEvent}</CreateTime>
${own}
</xml>`;
}

function eventFields({ event, scene = "", ticket }: Exclude<Act, { event: "text" }>): string {
  const key = event === "subscribe" && scene !== "" ? `qrscene_${scene}` : scene;
  const lines = [
    `<MsgType>${cdata("event")}</MsgType>`,
    `<Event>${cdata(event)}</Event>`,
    `<EventKey>${cdata(key)}</EventKey>`,
  ];
  if (ticket !== undefined) lines.push(`<Ticket>${cdata(ticket)}</Ticket>`);
  return lines.join("\n");
}

/** MsgId has 64 bits, more than a JavaScript number. */
function textFields(sim: Simulation, content: string, createTime: number): string {
  const serial = String(sim.random(4).readUInt32BE() % 1_000_000_000).padStart(9, "0");
  return `<MsgType>${cdata("text")}</MsgType>
<Content>${cdata(content)}</Content>
<MsgId>${createTime}${serial}</MsgId>`;
}

function readAct(sim: Simulation, { event, scene_id: sceneId, content }: Record<string, unknown>): Act {
  if (event !== "subscribe" && event !== "unsubscribe" && event !== "SCAN" && event !== "text") {
    throw new BadRequest("event must be subscribe, unsubscribe, SCAN or text");
  }
  if (event !== "text" && content !== undefined) throw new BadRequest("content goes with text only");
  if (event === "text" || event === "unsubscribe") {
    if (sceneId !== undefined) throw new BadRequest("scene_id goes with subscribe and SCAN only");
    if (event === "unsubscribe") return { event };
    if (typeof content !== "string" || !messageText.test(content)) {
      throw new BadRequest("content must be 1 to 2048 characters");
    }
    return { event, content };
  }
  if (sceneId === undefined && event === "subscribe") return { event };
  if (!isSceneId(sceneId) && !isSceneText(sceneId)) {
    throw new BadRequest("scene_id must be a whole number from 1 to 4294967295, or 1 to 64 characters");
  }
  return { event, scene: String(sceneId), ticket: newTicket(sim) };
}

function readEncrypted({ encrypted = false }: Record<string, unknown>): boolean {
  if (typeof encrypted !== "boolean") throw new BadRequest("encrypted must be true or false");
  return encrypted;
}
