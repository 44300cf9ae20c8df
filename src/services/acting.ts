import { eq, sql } from "drizzle-orm";
import type { App } from "../app.ts";
import { AppError, invalid } from "../errors.ts";
import type { Call } from "../rpc/call.ts";
import { prepared } from "../storage/store.ts";
import { personOf } from "./wx/person.ts";
import * as wx from "./wx/store.ts";

/** The person for whom a call is made, and the openid under which they appear in it. */
export interface Acting {
  uid: number;
  openid: string;
  /** The mini-program's or official account's that knows them by this openid. */
  appid: string;
}

const peopleWith = prepared((db, t) =>
  db
    .select({ uid: t.users.id, bannedAt: t.users.bannedAt, appid: t.identities.appid })
    .from(t.identities)
    .innerJoin(t.users, eq(t.users.id, t.identities.userId))
    .where(eq(t.identities.openid, sql.placeholder("openid"))),
);

/** The appid of the official account, whose openids machine identities name. */
function officialAccount({ WECHAT_OA_APPID, WECHAT_APPID }: App["settings"]): string {
  return WECHAT_OA_APPID ?? WECHAT_APPID;
}

/**
 * The person for whom the call changes something. People act for themselves: `openId` is empty or one of
 * their own. A machine identity has to name an openid; one that nobody has seen yet becomes a person.
 * To be called before a transaction, since it may run one of its own.
 * @throws AppError ACCESS_DENIED for another person's openid, INVALID_REQUEST when a machine identity
 *   names none, USER_BANNED when it names somebody who is blocked
 */
export async function actingFor(
  app: Pick<App, "store" | "clock" | "ids" | "settings">,
  call: Call,
  openId: string,
): Promise<Acting> {
  const known = await find(app, call, openId);
  if (known?.bannedAt != null) throw new AppError("USER_BANNED");
  if (known) return { uid: known.uid, openid: known.openid, appid: known.appid };
  const appid = officialAccount(app.settings);
  const { id } = await personOf(app, { appid, openid: openId, unionid: undefined, role: "customer" });
  return { uid: id, openid: openId, appid };
}

/** The same for calls that only read: nobody is created, and somebody whom nobody has seen is nothing. */
export async function knownFor(
  app: Pick<App, "store" | "settings">,
  call: Call,
  openId: string,
): Promise<Acting | undefined> {
  const known = await find(app, call, openId);
  return known && { uid: known.uid, openid: known.openid, appid: known.appid };
}

async function find(
  { store, settings }: Pick<App, "store" | "settings">,
  { identity }: Call,
  openId: string,
): Promise<(Acting & { bannedAt?: number | null }) | undefined> {
  if (identity?.kind === "user") {
    const { uid, appid } = identity;
    const own = await wx.identitiesOf(store.read, { userId: uid });
    const named = openId ? own.filter(({ openid }) => openid === openId) : own;
    const one = named.find((other) => other.appid === appid) ?? named[0];
    if (!one) throw new AppError("ACCESS_DENIED");
    return { uid, openid: one.openid, appid: one.appid };
  }
  if (identity?.kind !== "app") throw new AppError("ACCESS_DENIED");
  if (!openId) throw invalid({ field: "open_id", description: "an app has to say whose" });
  const people = await peopleWith(store.read, { openid: openId });
  const account = officialAccount(settings);
  const one = people.find(({ appid }) => appid === account) ?? people[0];
  return one && { ...one, openid: openId };
}
