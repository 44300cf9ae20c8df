import { expect } from "vitest";
import { partnerPages } from "../../src/services/hall/pages.ts";
import type { Caller, TestApp } from "../app.ts";

/** A partner whose visitors may come back to these pages. */
export async function partner(
  app: TestApp,
  appid: string,
  pages: readonly string[] = [],
): Promise<Caller & { appid: string }> {
  const { secret } = await app.app.auth.apps.create({ appid, role: "partner", quotaPerDay: 100 });
  for (const page of pages) await partnerPages(app.app).add(appid, page);
  const { accessToken } = await app.as().hall.token({ appid, secret });
  return { ...app.as(accessToken), appid };
}

/** Where WeChat sends a person who opens the address that a partner got: to the hall, with WeChat's code. */
export async function atWechat(redirect: string, who: { name: string } | "refuses"): Promise<string> {
  const url = new URL(redirect);
  url.hash = "";
  if (who === "refuses") url.searchParams.append("sim_refuse", "1");
  else url.searchParams.append("sim_openid", who.name);
  const response = await fetch(url, { redirect: "manual" });
  expect(response.status, await response.text()).toBe(302);
  return response.headers.get("location") ?? "";
}

/** What the hall answers to a browser. */
export async function browse(url: string) {
  const response = await fetch(url, { redirect: "manual" });
  const { status, headers } = response;
  return { status, headers, location: headers.get("location"), text: await response.text() };
}

/** A visit from the partner's page to the partner's page; gives where the person ends. */
export async function visit(caller: Caller, page: string, name: string): Promise<URL> {
  const { redirect } = await caller.hall.authorizeUrl({ state: page });
  const { status, location, text } = await browse(await atWechat(redirect, { name }));
  expect(status, text).toBe(302);
  return new URL(location ?? "");
}

/** Lets the partner learn a person's openid. */
export async function learn(caller: Caller, page: string, name: string): Promise<string> {
  const code = (await visit(caller, page, name)).searchParams.get("code") ?? "";
  return (await caller.hall.openidByCode({ code })).openId;
}
