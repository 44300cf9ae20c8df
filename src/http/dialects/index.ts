import type { Identity } from "../../auth/identity.ts";
import type { Mount } from "./dialect.ts";
import { hall } from "./hall.ts";
import { rail } from "./rail.ts";
import { wxs } from "./wxs.ts";

export interface DialectOptions {
  /** Who calls a dialect whose document knows no credential, when none is presented: the sandbox's, else nobody. */
  withoutCredential: Identity | undefined;
  /** The key of the rail document's signatures; without one its URLs are closed. */
  railKey: string | undefined;
  clock: { now(): number };
}

/** Every dialect. */
export function dialects({ withoutCredential, railKey, clock }: DialectOptions): Mount[] {
  return [
    { dialect: wxs, identityWithoutCredential: withoutCredential },
    { dialect: hall },
    ...(railKey === undefined ? [] : [{ dialect: rail({ key: railKey, clock }) }]),
  ];
}
