import type { Identity } from "../../auth/identity.ts";
import type { Mount } from "./dialect.ts";
import { hall } from "./hall.ts";
import { wxs } from "./wxs.ts";

export interface DialectOptions {
  /** Who calls a dialect whose document knows no credential, when none is presented: the sandbox's, else nobody. */
  withoutCredential: Identity | undefined;
}

/** Every dialect. */
export function dialects({ withoutCredential }: DialectOptions): Mount[] {
  return [{ dialect: wxs, identityWithoutCredential: withoutCredential }, { dialect: hall }];
}
