import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Tx } from "../../storage/store.ts";
import * as users from "../user/store.ts";

export interface Newcomer extends users.WechatPerson {
  /** The role to create a new person with. */
  role: users.PersonRow["role"];
}

/** Another call created the same person between our look and our write. */
class CreatedMeanwhile extends Error {}

/**
 * The person who signs in: known by this app's openid, else by the unionid (they came through another
 * app of the same owner before), else created.
 * @throws USER_BANNED
 */
export async function personOf(
  { store, clock, ids }: Pick<App, "store" | "clock" | "ids">,
  newcomer: Newcomer,
): Promise<users.PersonRow> {
  const find = () => store.tx((tx) => findOrCreate(tx, ids, { ...newcomer, now: clock.now() }));
  const person = await find().catch((error: unknown) => {
    // That happens to a person once, and is over by now.
    if (error instanceof CreatedMeanwhile) return find();
    throw error;
  });
  if (person.bannedAt !== null) throw new AppError("USER_BANNED");
  return person;
}

async function findOrCreate(
  tx: Tx,
  ids: App["ids"],
  newcomer: Newcomer & { now: number },
): Promise<users.PersonRow> {
  const { appid, openid, unionid, role, now } = newcomer;
  const known = await users.findByIdentity(tx, newcomer);
  if (known) {
    // WeChat tells the unionid only once the app is bound to an open platform account.
    if (unionid && !known.unionid && !(await users.findByUnionid(tx, unionid))) {
      await users.setUnionid(tx, known.id, unionid);
    }
    return known;
  }
  const same = unionid ? await users.findByUnionid(tx, unionid) : undefined;
  const person = same ?? (await users.create(tx, { id: ids.next(), openid, unionid, role, createdAt: now }));
  if (!person || !(await users.addIdentity(tx, { id: ids.next(), userId: person.id, appid, openid }))) {
    throw new CreatedMeanwhile();
  }
  return person;
}
