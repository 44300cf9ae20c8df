import { AppError } from "../errors.ts";
import type { Call } from "../rpc/call.ts";
import type { Reader } from "../storage/store.ts";
import { learnedPerson } from "./hall/store.ts";

/** The partner that calls. @throws AppError ACCESS_DENIED if it is somebody else */
export function partnerOf({ identity }: Call): string {
  if (identity?.kind !== "app" || identity.role !== "partner") throw new AppError("ACCESS_DENIED");
  return identity.appid;
}

/**
 * The person behind an openid that the partner learned.
 * @throws AppError OPENID_UNKNOWN, the same for one that nobody has
 */
export async function personLearnedBy(reader: Reader, appid: string, openid: string): Promise<number> {
  const [person] = await learnedPerson(reader, { appid, openid });
  if (!person) throw new AppError("OPENID_UNKNOWN");
  return person.userId;
}
