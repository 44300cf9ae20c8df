import { setTimeout as pause } from "node:timers/promises";
import type { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { partnerOf } from "../partner.ts";
import { isPartner, isPartnersPage } from "./pages.ts";
import * as hall from "./store.ts";

/** How long a code is good (ms). */
const codeMs = 60_000;
const dayMs = 86_400_000;
/** How long it is kept that a code was there (ms): as long as WeChat may know its own. */
const codeMemoryMs = 3_600_000;
/** How long an address at WeChat stays good that nobody uses (ms). */
const returnMs = 366 * dayMs;
/** How long somebody waits who comes second with a code, in looks at the database (ms). */
const pauseMs = 100;
const looks = 20;

interface Target {
  appid: string;
  page: string;
}

type Keys = Pick<App, "personalDigest">;

/** What stands for partner and page in WeChat's state: nobody makes one without the server's key. */
function returnKey({ personalDigest }: Keys, { appid, page }: Target): string {
  return personalDigest("hall return", JSON.stringify([appid, page])).toString("base64url");
}

function codeDigestOf({ personalDigest }: Keys, code: string): Buffer<ArrayBuffer> {
  return personalDigest("hall code kept", code);
}

/** The way of a partner's visitors through WeChat, as the partner sees it. */
export function returning(
  app: Pick<App, "store" | "clock" | "settings" | "wechat" | "personalDigest">,
  returnUrl: () => string,
) {
  const { store, clock, wechat } = app;

  return {
    async authorizeUrl({ state: page }, call) {
      const target = { appid: partnerOf(call), page };
      if (!(await isPartnersPage(app, target.appid, page))) throw new AppError("WX_PAGE_NOT_ALLOWED");
      const key = returnKey(app, target);
      const [known] = await hall.returnByKey(store.read, { key });
      const usedAt = clock.now();
      if (!known || usedAt - known.usedAt > dayMs) {
        await store.tx((tx) => hall.putReturn(tx, { key, ...target, usedAt }));
      }
      const redirect = wechat.authorizeUrl({ redirectUri: returnUrl(), scope: "snsapi_base", state: key });
      return { redirect };
    },

    async openidByCode({ code }, call) {
      const appid = partnerOf(call);
      const visitor = await store.tx(async (tx) => {
        const now = clock.now();
        const used = await hall.useCode(tx, { codeDigest: codeDigestOf(app, code), appid, now });
        if (used) await hall.learn(tx, { appid, ...used, learnedAt: now });
        return used;
      });
      if (!visitor) throw new AppError("HALL_CODE_INVALID");
      return { openId: visitor.openid };
    },
  } satisfies Partial<Implementation<typeof Hall>>;
}

/** Somebody whom WeChat sends back. */
export interface Coming {
  state: string;
  /** WeChat's; empty if the person refused. */
  code: string;
  requestId: string;
}

/** Where they go on to, or why nowhere. */
export type Onward = { location: string } | { refused: "no such state" | "the page is not allowed" };

/** Asks WeChat who came back. Throws WX_CODE_USED when somebody asked with this code before. */
export type Visitor = (coming: Omit<Coming, "state">) => Promise<{ uid: number; openid: string }>;

/**
 * Takes a visitor from WeChat on to the partner's page with a code of the hall's. WeChat repeats its
 * redirects, and takes its own code once only: a repeat goes the same way as the first. The code is
 * HMAC-SHA-256 of WeChat's, so it can be given again although the database has only its digest.
 * @throws AppError WX_CODE_INVALID, WX_CODE_USED, WX_UNAVAILABLE, WX_MISCONFIGURED, USER_BANNED, UNAVAILABLE
 */
export function visitorReturn(
  app: Pick<App, "store" | "clock" | "settings" | "personalDigest">,
  visitor: Visitor,
): (coming: Coming) => Promise<Onward> {
  const { store, clock, personalDigest } = app;

  /** Whoever came first may still be on the way into the database. */
  async function whatTheFirstLeft(codeDigest: Uint8Array<ArrayBuffer>) {
    for (let look = 0; look < looks; look++) {
      const code = await hall.findCode(store.read, codeDigest);
      if (code) return code;
      await pause(pauseMs);
    }
    return undefined;
  }

  /** Makes the code good, unless it is. @throws AppError as above */
  async function admit(coming: Coming, target: Target & { usedAt: number }, codeDigest: Buffer<ArrayBuffer>) {
    const { state: key, code, requestId } = coming;
    const before = await hall.findCode(store.read, codeDigest);
    if (before && before.usedAt === null && before.expiresAt > clock.now()) return;
    try {
      const { uid: userId, openid } = await visitor({ code, requestId });
      await store.tx(async (tx) => {
        const now = clock.now();
        const { appid, page } = target;
        await hall.putCode(tx, { codeDigest, appid, userId, openid, expiresAt: now + codeMs });
        if (now - target.usedAt > dayMs) await hall.putReturn(tx, { key, appid, page, usedAt: now });
      });
    } catch (error) {
      if (!(error instanceof AppError) || error.reason !== "WX_CODE_USED") throw error;
      const first = await whatTheFirstLeft(codeDigest);
      if (!first || first.expiresAt <= clock.now()) throw error;
    }
  }

  return async (coming) => {
    const { state, code } = coming;
    const [target] = /^[\w-]{43}$/.test(state) ? await hall.returnByKey(store.read, { key: state }) : [];
    // A row that did not come from AuthorizeUrl has a key that does not fit.
    if (!target || returnKey(app, target) !== state) return { refused: "no such state" };
    const { appid, page } = target;
    if (!(await isPartner(app, appid)) || !(await isPartnersPage(app, appid, page))) {
      return { refused: "the page is not allowed" };
    }
    if (code === "") return { location: pageWith(page, undefined) };
    const own = personalDigest("hall code", JSON.stringify([state, code])).toString("base64url");
    await admit(coming, target, codeDigestOf(app, own));
    return { location: pageWith(page, own) };
  };
}

/** A page's address with this code in its query, in place of any; everything else stays as it is written. */
function pageWith(page: string, code: string | undefined): string {
  const [, address = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(page) ?? [];
  const others = query.split("&").filter((pair) => pair !== "" && !new URLSearchParams(pair).has("code"));
  const pairs = code === undefined ? others : [...others, `code=${code}`];
  return `${address}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}${fragment}`;
}

/** Forgets codes and tickets that are over, and addresses at WeChat that nobody uses. */
export async function deleteOldHallRows({ store, clock }: Pick<App, "store" | "clock">): Promise<void> {
  const now = clock.now();
  const over = { now, codesBefore: now - codeMemoryMs, returnsBefore: now - returnMs };
  await store.tx((tx) => hall.deleteOld(tx, over));
}
