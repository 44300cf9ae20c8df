import type { App } from "../app.ts";
import { AppError } from "../errors.ts";
import { identityNumber } from "./identity-number.ts";
import { findContact } from "./user/store.ts";

/** Who travels, as a ticket names them; the numbers are those of Contact.PassengerType and Contact.DocumentType. */
export interface Passenger {
  /** Whole. */
  identityNumber: string;
  name: string;
  passengerType: number;
  documentType: number;
}

/**
 * The passenger, the identity number in its one spelling and the name without blanks around it.
 * @throws AppError IDENTITY_INVALID for a number that nobody has, or a name of blanks
 */
export function checkedPassenger(given: Passenger): Passenger {
  const number = identityNumber(given.identityNumber);
  const name = given.name.trim();
  if (!number || !name) throw new AppError("IDENTITY_INVALID");
  const { passengerType, documentType } = given;
  return { identityNumber: number, name, passengerType, documentType };
}

/** One of the person's contacts. @throws AppError CONTACT_NOT_FOUND */
export async function savedPassenger(
  { store, personal }: Pick<App, "store" | "personal">,
  userId: number,
  id: bigint,
): Promise<Passenger> {
  const contact = await findContact(store.read, userId, Number(id));
  if (!contact) throw new AppError("CONTACT_NOT_FOUND", { id: `${id}` });
  const { identitySealed, name, passengerType, documentType } = contact;
  const number = personal.open(identitySealed, contactSealName(contact.id)).toString();
  return { identityNumber: number, name, passengerType, documentType };
}

/** The name under which a contact's identity number is sealed. */
export function contactSealName(id: number): string {
  return `contact ${id}`;
}
