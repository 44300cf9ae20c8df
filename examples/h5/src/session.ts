import { createSession, Measurement, Wx, web } from "../../../src/client/index.ts";
import { randomText } from "./random.ts";

const stateKey = "pulse sign-in";

/** One session for the whole page; other tabs share it. */
export const session = createSession({
  baseUrl: import.meta.env.VITE_API ?? location.origin,
  platform: web(),
  onSignedOut: () => dispatchEvent(new Event("hashchange")),
});

export const measurements = session.client(Measurement);
export const wechat = session.client(Wx);

/** This page, as WeChat is to come back to it. */
const here = location.origin + location.pathname;

/** Leaves for WeChat, which sends the person back with a code. */
export async function leaveForWechat(): Promise<void> {
  const state = randomText();
  const { url } = await wechat.authorizeUrl({ url: here, scope: "snsapi_base", state });
  sessionStorage.setItem(stateKey, JSON.stringify({ state, hash: location.hash }));
  location.assign(url);
}

/**
 * Signs in with what WeChat appended to the address, and takes it away from there. Only an answer to a
 * question that this tab asked is taken: else somebody's link could sign people in as somebody else.
 * @returns what went wrong, in words
 */
export async function comeBackFromWechat(): Promise<string | undefined> {
  const query = new URLSearchParams(location.search);
  const [code, state] = [query.get("code"), query.get("state")];
  if (!state) return undefined;
  const asked = JSON.parse(sessionStorage.getItem(stateKey) ?? "{}") as { state?: string; hash?: string };
  sessionStorage.removeItem(stateKey);
  const own = asked.state === state;
  history.replaceState(null, "", here + (own ? (asked.hash ?? "") : ""));
  if (!own) return session.uid ? undefined : "登录请求不是从这里发起的，请重新登录。";
  if (!code) return "您没有允许登录。";
  await session.signIn(code);
  return undefined;
}

/**
 * The sandbox's WeChat, if that is what the server speaks to: there nobody has money, and payments are
 * made with a request.
 */
export async function simulator(): Promise<string | undefined> {
  const { url } = await wechat.authorizeUrl({ url: here });
  const { origin, hostname } = new URL(url);
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname) ? origin : undefined;
}
