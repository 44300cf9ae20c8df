import { AppError } from "../errors.ts";
import { identityNumber } from "./user/identity-number.ts";

/** Who travels, as a ticket names them; the numbers are those of Contact.PassengerType and Contact.DocumentType. */
export interface Passenger {
  /** Whole. */
  identityNumber: string;
  name: string;
  passengerType: number;
  documentType: number;
}

/** The passenger, the identity number in its one spelling. @throws AppError IDENTITY_INVALID for a number that nobody has */
export function checkedPassenger(given: Passenger): Passenger {
  const number = identityNumber(given.identityNumber);
  if (!number) throw new AppError("IDENTITY_INVALID");
  const { name, passengerType, documentType } = given;
  return { identityNumber: number, name, passengerType, documentType };
}
