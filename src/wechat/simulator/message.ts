import { knownPerson, personOf } from "./login.ts";
import {
  BadRequest,
  fields,
  isObject,
  json,
  ok,
  posted,
  Refusal,
  type Routes,
  type SimRequest,
} from "./router.ts";
import { type Person, remember, type SentMessage, type Simulation } from "./state.ts";
import { checkAppToken } from "./token.ts";

/** WeChat's own ids have 43 characters; any text like them is a template here. */
const templateForm = /^[\w-]{8,64}$/;
/** A mini-program's page has no slash in front: `pages/order/index?id=7`. */
const pageForm = /^\w[\w./-]*(\?[\x21-\x7e]*)?$/;
const firstMsgid = 200_000_001;
/** How many messages a list shows, the newest. */
const mostListed = 1000;

/**
 * What a value may be, by what its key says
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html).
 */
const valueForms = new Map(
  Object.entries({
    thing: /^.{1,20}$/su,
    number: /^-?[\d.]{1,32}$/,
    letter: /^[A-Za-z]{1,32}$/,
    symbol: /^.{1,5}$/su,
    character_string: /^[\x20-\x7e]{1,32}$/,
    phone_number: /^[\d+\s-]{1,17}$/,
    car_number: /^.{1,8}$/su,
    name: /^([\x20-\x7e]{1,20}|.{1,10})$/su,
    phrase: /^.{1,5}$/su,
  }),
);

/** Template and subscription messages, and what was sent. */
export function messageRoutes(sim: Simulation): Routes {
  return {
    "POST /cgi-bin/message/template/send": (request) => {
      const { who, template_id, data, body } = readMessage(sim, request);
      const { url = "" } = body;
      if (typeof url !== "string") throw new Refusal(47001);
      if (who.subscribed === false) throw new Refusal(43004);
      return ok({ msgid: send(sim, { kind: "template", openid: who.openid, template_id, url, data }) });
    },

    "POST /cgi-bin/message/subscribe/send": (request) => {
      const { who, template_id, data, body } = readMessage(sim, request);
      const { page = "" } = body;
      if (typeof page !== "string") throw new Refusal(47001);
      if (page !== "" && !pageForm.test(page)) throw new Refusal(41030);
      if (who.refused.has(template_id)) throw new Refusal(43101);
      return ok({
        msgid: send(sim, { kind: "subscribe", openid: who.openid, template_id, url: page, data }),
      });
    },

    "GET /sim/messages": ({ query }) => {
      const openid = query.get("openid");
      const sent = [...sim.state.messages.values()];
      const theirs = openid === null ? sent : sent.filter((message) => message.openid === openid);
      return json({ messages: theirs.slice(-mostListed) });
    },

    "POST /sim/subscription": (request) => {
      const { openid, template_id, accept } = fields(request, ["openid", "template_id", "accept"]);
      if (typeof template_id !== "string" || !templateForm.test(template_id)) {
        throw new BadRequest("template_id must be 8 to 64 letters, digits or _ -");
      }
      if (typeof accept !== "boolean") throw new BadRequest("accept must be true or false");
      const { refused } = personOf(sim, openid);
      if (accept) refused.delete(template_id);
      else refused.add(template_id);
      return json({ openid, template_id, accept });
    },
  };
}

interface ReadMessage {
  who: Person;
  template_id: string;
  data: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** What both kinds have in common. @throws Refusal 40003, 40037, 47003 and those of the token and the body */
function readMessage(sim: Simulation, request: SimRequest): ReadMessage {
  checkAppToken(sim, request);
  const body = posted(request);
  const { touser, template_id, data } = body;
  const who = knownPerson(sim, touser);
  if (!who) throw new Refusal(40003);
  if (typeof template_id !== "string" || !templateForm.test(template_id)) throw new Refusal(40037);
  if (!isObject(data) || Object.keys(data).length === 0) throw new Refusal(47003, " data is empty");
  for (const [key, field] of Object.entries(data)) {
    const value = isObject(field) ? field.value : undefined;
    const form = valueForms.get(key.replace(/\d+$/, "")) ?? /./s;
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text !== "string" || !form.test(text)) throw new Refusal(47003, ` data.${key}.value invalid`);
  }
  return { who, template_id, data, body };
}

function send(sim: Simulation, message: Omit<SentMessage, "msgid" | "sent_at">): number {
  const { messages } = sim.state;
  const msgid = firstMsgid + sim.state.messagesSent;
  sim.state.messagesSent += 1;
  remember(messages, String(msgid), { msgid, ...message, sent_at: Math.floor(sim.now() / 1000) });
  return msgid;
}
