import type { TestApp } from "../app.ts";

/** Its cookies by name, and how each was set last. */
type Jar = Map<string, { value: string; text: string }>;

export interface Visit {
  status: number;
  headers: Headers;
  /** Where it is sent to; "" for nowhere. */
  location: string;
  text: string;
  setCookies: string[];
}

/** A browser that keeps one host's cookies and follows nothing by itself. */
export function createBrowser({ url, simulator }: Pick<TestApp, "url" | "simulator">) {
  const jar: Jar = new Map();

  async function visit(target: string, init: RequestInit = {}): Promise<Visit> {
    const address = new URL(target, url);
    const headers = new Headers(init.headers);
    const cookies = [...jar].map(([name, { value }]) => `${name}=${value}`).join("; ");
    const own = address.origin === new URL(url).origin;
    if (own && cookies && !headers.has("cookie")) headers.set("cookie", cookies);
    const response = await fetch(address, { redirect: "manual", ...init, headers });
    const setCookies = response.headers.getSetCookie();
    if (own) for (const text of setCookies) keep(jar, text);
    const location = response.headers.get("location") ?? "";
    return {
      status: response.status,
      headers: response.headers,
      location,
      text: await response.text(),
      setCookies,
    };
  }

  /** Goes from a page of ours to WeChat, lets somebody say who they are there, and stops before the way back. */
  async function toCallback(name: string, query = ""): Promise<string> {
    const begun = await visit(`/wx/oauth${query && `?${query}`}`);
    if (!begun.location.startsWith(simulator)) throw new Error(`${begun.status} ${begun.text}`);
    return atWechat(begun.location, name);
  }

  /** What WeChat sends somebody back to. */
  async function atWechat(authorize: string, name: string): Promise<string> {
    const asking = new URL(authorize);
    asking.hash = "";
    const answer = name === "" ? "sim_refuse=1" : `sim_openid=${name}`;
    return (await visit(`${asking}&${answer}`)).location;
  }

  return {
    visit,
    toCallback,
    atWechat,
    /** Signs somebody in; gives the answer of the callback. */
    signIn: async (name: string, query = "") => visit(await toCallback(name, query)),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      visit(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    get sid() {
      return jar.get("sid")?.value;
    },
    set sid(value: string | undefined) {
      if (value === undefined) jar.delete("sid");
      else jar.set("sid", { value, text: "" });
    },
  };
}

export type Browser = ReturnType<typeof createBrowser>;

function keep(jar: Jar, text: string): void {
  const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
  if (/max-age=0(;|$)/i.test(text)) jar.delete(name);
  else jar.set(name, { value, text });
}
