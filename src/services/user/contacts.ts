import type {
  Contact,
  Contact_DocumentType,
  Contact_PassengerType,
  User,
} from "../../../gen/liveuser/user_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { checkedPassenger, contactSealName } from "../passenger.ts";
import * as users from "./store.ts";

/** How many a person may have. */
const most = 50;

/** The people whom a person buys tickets for. */
export function contacting({
  store,
  clock,
  ids,
  personal,
  personalDigest,
}: Pick<App, "store" | "clock" | "ids" | "personal" | "personalDigest">) {
  /** With the whole number: for the owner alone. */
  function record({ id, identitySealed, name, passengerType, documentType }: users.ContactRow) {
    return {
      id: BigInt(id),
      identityNumber: personal.open(identitySealed, contactSealName(id)).toString(),
      name,
      passengerType: passengerType as Contact_PassengerType,
      documentType: documentType as Contact_DocumentType,
    };
  }

  return {
    async addContact(request, call) {
      const passenger = checkedPassenger(request.contact as Contact); // required by its rule
      const { name, passengerType, documentType, identityNumber: number } = passenger;
      const userId = call.user.uid;
      return store.tx(async (tx) => {
        const id = ids.next();
        const contact = {
          id,
          userId,
          identitySealed: personal.seal(Buffer.from(number), contactSealName(id)),
          identityDigest: personalDigest(`contact of ${userId}`, number),
          name,
          passengerType,
          documentType,
          createdAt: clock.now(),
        };
        const before = await users.takeContacts(tx, userId);
        if (!(await users.addContact(tx, contact))) throw new AppError("CONTACT_EXISTS");
        if (before >= most) throw new AppError("CONTACTS_FULL", { most: `${most}` });
        return { contact: record(contact) };
      });
    },

    async listContacts(_, call) {
      const rows = await users.listContacts(store.read, call.user.uid);
      return { contacts: rows.map(record) };
    },

    async removeContact({ id }, call) {
      const removed = await store.tx((tx) => users.removeContact(tx, call.user.uid, Number(id)));
      if (!removed) throw new AppError("CONTACT_NOT_FOUND", { id: `${id}` });
      return {};
    },
  } satisfies Partial<Implementation<typeof User>>;
}
