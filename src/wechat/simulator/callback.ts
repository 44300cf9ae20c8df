import { encrypt, sign } from "./callback-crypto.ts";
import { cdata } from "./escape.ts";
import { sandboxApp } from "./sandbox-app.ts";
import type { Simulation } from "./state.ts";

const answerWithinMs = 5_000;
/** The server's work does not run faster with the simulator's time, so it is never given less. */
const leastAnswerMs = 1_000;
const mostTries = 3;

/** What is sent to the server's callback. */
export interface Push {
  openid: string;
  /** The message, as it is before encryption. */
  xml: string;
  encrypted: boolean;
  /** Where the HTTP status of each try's answer is noted; null for none. */
  answers: (number | null)[];
}

export interface Delivery {
  /** Whether it was answered with 200 in time. */
  delivered: boolean;
  /** The answer's HTTP status; null for none. */
  status: number | null;
  tries: number;
}

/**
 * Sends a message to the callback. The promise is for the first try; a message that was not taken is
 * repeated in the background, 5 s apart, three tries in all.
 * @param callbackUrl a URL
 */
export async function deliver(sim: Simulation, callbackUrl: string, push: Push): Promise<Delivery> {
  return attempt(1);

  async function attempt(tries: number): Promise<Delivery> {
    const status = (await post(sim, callbackUrl, push))?.status ?? null;
    push.answers.push(status);
    const delivered = status === 200;
    if (!delivered && tries < mostTries) {
      sim.later(answerWithinMs, async () => {
        await attempt(tries + 1);
      });
    }
    return { delivered, status, tries };
  }
}

/**
 * The handshake of WeChat's console: a server that knows the token gives back echostr.
 * @returns whether it did, and the answer's HTTP status; null for no answer
 */
export async function handshake(
  sim: Simulation,
  callbackUrl: string,
): Promise<{ verified: boolean; status: number | null }> {
  const echostr = String(sim.random(8).readBigUInt64BE());
  const url = withQuery(callbackUrl, { ...signature(sim), echostr });
  const answer = await exchange(sim, url, { method: "GET" });
  return { verified: answer?.status === 200 && answer.body === echostr, status: answer?.status ?? null };
}

/** Every try is signed, and encrypted, anew. */
function post(sim: Simulation, callbackUrl: string, { openid, xml, encrypted }: Push) {
  const signed = signature(sim);
  const init = { method: "POST", headers: { "content-type": "text/xml" } };
  if (!encrypted) return exchange(sim, withQuery(callbackUrl, { ...signed, openid }), { ...init, body: xml });
  const { aesKey, originalId, token } = sandboxApp;
  const secret = encrypt(xml, { aesKey, appid: sim.appid, salt: sim.random(16) });
  const msg_signature = sign(token, signed.timestamp, signed.nonce, secret);
  const url = withQuery(callbackUrl, { ...signed, openid, encrypt_type: "aes", msg_signature });
  const body = `<xml>
<ToUserName>${cdata(originalId)}</ToUserName>
<Encrypt>${cdata(secret)}</Encrypt>
</xml>`;
  return exchange(sim, url, { ...init, body });
}

function signature(sim: Simulation) {
  const timestamp = String(Math.floor(sim.now() / 1000));
  const nonce = String(sim.random(4).readUInt32BE());
  return { signature: sign(sandboxApp.token, timestamp, nonce), timestamp, nonce };
}

function withQuery(callbackUrl: string, query: Record<string, string>): URL {
  const url = new URL(callbackUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  return url;
}

/** @returns undefined when there was no whole answer in time. */
async function exchange(
  sim: Simulation,
  url: URL,
  init: RequestInit,
): Promise<{ status: number; body: string } | undefined> {
  const ms = Math.max(leastAnswerMs, Math.ceil(sim.scaled(answerWithinMs)));
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(ms) });
    return { status: response.status, body: await response.text() };
  } catch {
    return undefined;
  }
}
