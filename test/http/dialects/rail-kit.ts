import { createHash, randomUUID } from "node:crypto";

/** The key that the document names. */
const key = "319ceidcbweifbwi";

/** The document's rule, written again: MD5 over the sorted fields that are not empty, and the key. */
export function md5Of(data: Record<string, unknown>, with_ = key): string {
  const pairs = Object.keys(data)
    .filter((name) => name !== "sign" && data[name] !== "" && data[name] !== null)
    .sort()
    .map((name) => `${name}=${typeof data[name] === "string" ? data[name] : JSON.stringify(data[name])}`);
  return createHash("md5")
    .update([...pairs, `key=${with_}`].join("&"))
    .digest("hex");
}

/** The parameters with a nonce and their signature. */
export function signed(data: Record<string, unknown>): Record<string, unknown> {
  const all = { nonceStr: randomUUID().replaceAll("-", ""), ...data };
  return { ...all, sign: md5Of(all) };
}

export interface Who {
  userId?: string;
  userRole?: string;
  appCode?: string;
  loginKey?: string;
}

export interface Answer {
  code: string;
  msg: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came is for the test to look at
  data: any;
}

/** A request as the document has it. `data` as a text goes as it is, else as its JSON text. */
export function request(data: unknown, { loginKey, ...outer }: Who, type: "form" | "json" = "json") {
  const body = {
    userRole: "customer",
    appCode: "XCX",
    ...outer,
    data: typeof data === "string" ? data : JSON.stringify(data),
  };
  return {
    method: "POST",
    headers: {
      "content-type": type === "json" ? "application/json" : "application/x-www-form-urlencoded",
      ...(loginKey === undefined ? {} : { loginKey }),
    },
    body: type === "json" ? JSON.stringify(body) : new URLSearchParams(body).toString(),
  };
}

/** Asks one of the URLs; HTTP's status is 200 always. */
export async function askRail(
  url: string,
  name: string,
  init: RequestInit,
): Promise<Answer & { status: number }> {
  const response = await fetch(`${url}/api/v1/user/${name}`, init);
  return { status: response.status, ...((await response.json()) as Answer) };
}
