import type { App } from "../../app.ts";
import type { WechatEvent } from "../../wechat/callback.ts";
import * as wx from "./store.ts";

/** How long it is remembered that an event was worked off; WeChat repeats them for some seconds (ms). */
const memoryMs = 3 * 86400_000;
const deletedAtOnce = 500;

/** What became of an event: it is new, it was worked off before, or the server has no use for it. */
export type Taken = "new" | "repeated" | "unused";

/**
 * Works off an event of the official account's: who follows, and which scene they scanned. WeChat sends
 * an event again when it does not like the answer, and in any order: a repeat changes nothing, and
 * neither does an event that is older than what is known.
 * @throws UNAVAILABLE: WeChat should come again.
 */
export async function takeEvent(
  { store, clock, ids }: Pick<App, "store" | "clock" | "ids">,
  { from: openid, createTime, event: name, sceneId }: WechatEvent,
): Promise<Taken> {
  const subscribed = followingAfter(name);
  if (subscribed === undefined) return "unused";
  const at = createTime * 1000;
  return store.tx(async (tx) => {
    const key = `${openid} ${createTime} ${name}`;
    if (!(await wx.noteEvent(tx, { id: ids.next(), key, at: clock.now() }))) return "repeated";
    await wx.addFollower(tx, { id: ids.next(), openid });
    await wx.setFollowing(tx, { openid, at, subscribed, anew: name === "subscribe" });
    if (sceneId !== undefined) await wx.setScene(tx, { openid, at, sceneId });
    return "new";
  });
}

/** Whether somebody follows after an event of that name; WeChat sends a SCAN of followers alone. */
function followingAfter(event: string): boolean | undefined {
  if (event === "subscribe" || event === "SCAN") return true;
  if (event === "unsubscribe") return false;
  return undefined;
}

/** Forgets the events that nobody repeats any more. */
export async function deleteOldEvents({ store, clock }: Pick<App, "store" | "clock">): Promise<void> {
  const batch = { before: clock.now() - memoryMs, limit: deletedAtOnce };
  while ((await store.tx((tx) => wx.deleteNotes(tx, batch))) === batch.limit);
}
