import { randomUUID } from "node:crypto";
import { AppError } from "../errors.ts";
import { type Answer, secondsOf, textOf } from "./answer.ts";
import { unavailable } from "./errors.ts";
import type { Http, JsonCall, JsonPost } from "./http.ts";
import { type KeeperOptions, keepToken, type SharedToken } from "./token.ts";

const path = "/cgi-bin/stable_token";
/** WeChat asks for room for 512 characters. */
const longestToken = 2048;

/** WeChat forces one token in 30 s and 20 a day, so each one of ours waits twice as long as the one before. */
const firstGapMs = 31_000;
const dayMs = 86_400_000;

/** What a call answers when its access token is unknown, of the wrong form or over. */
const refusals = new Set(["40001", "40014", "42001"]);

export interface AppOptions extends KeeperOptions {
  api: Http;
}

/**
 * The access token of an app, one for the whole deployment
 * (https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html). Asking for it
 * ends no other token until the last 5 minutes of its life. Only when WeChat refuses the very token that
 * it hands out is a new one forced, and seldom: forcing ends the old one at once.
 */
export function appToken(
  { api, ...keeper }: AppOptions,
  { appid, secret }: { appid: string; secret: string },
): SharedToken {
  const name = `wechat access_token ${appid}`;

  async function ask(refused: string | undefined) {
    const token = await stableToken(false);
    if (token.value !== refused) return token;
    if (!(await mayForce(keeper, `${name} forced`))) {
      throw unavailable(
        `POST ${path}`,
        "the token that WeChat gives is refused, and was forced not long ago",
      );
    }
    return stableToken(true);
  }

  async function stableToken(force: boolean) {
    const body = { grant_type: "client_credential", appid, secret, force_refresh: force };
    const answer = await api.postJson({ path, query: {}, body, reasons: {} });
    const where = `POST ${path}`;
    return {
      value: textOf(where, answer, ["access_token", longestToken]),
      expiresIn: secondsOf(where, answer, "expires_in"),
    };
  }

  return keepToken(keeper, { what: "the app's access token", name, ask });
}

/**
 * Whether a token may be forced now. Counted in the store before it is asked for, so that all servers
 * count as one; the count's end is when the next one may be forced.
 */
async function mayForce({ store, clock, leaseMs }: KeeperOptions, name: string): Promise<boolean> {
  const holder = randomUUID();
  if (!(await store.lease(name, holder, leaseMs))) return false;
  let written = false;
  try {
    const last = await store.read(name);
    const now = clock.now();
    if (last && last.expiresAt > now) return false;
    const count = last && now - last.expiresAt < dayMs ? Number(last.value) : 0;
    const expiresAt = now + Math.min(firstGapMs * 2 ** count, dayMs);
    const next = { value: String(count + 1), expiresAt, version: last?.version ?? 0 };
    written = await store.write(name, holder, next);
    return written;
  } finally {
    if (!written) await store.release(name, holder);
  }
}

export type AppApi = Pick<Http, "getJson" | "postJson">;

/**
 * Calls with the app's access token. One that is answered with 40001, 40014 or 42001 did nothing: the
 * token is renewed, and the call made once more. Nothing else is repeated.
 */
export function withToken(api: Http, token: SharedToken): AppApi {
  async function run<T extends JsonCall>(send: (call: T) => Promise<Answer>, call: T): Promise<Answer> {
    const attempt = (value: string) => send({ ...call, query: { ...call.query, access_token: value } });
    const { value } = await token.current(call.signal);
    try {
      return await attempt(value);
    } catch (error) {
      if (!(error instanceof AppError && refusals.has(error.metadata.errcode ?? ""))) throw error;
      const next = await token.after(value, call.signal);
      return attempt(next.value);
    }
  }

  return {
    getJson: (call) => run(api.getJson, call),
    postJson: (call: JsonPost) => run(api.postJson, call),
  };
}
