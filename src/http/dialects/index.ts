import type { Identity } from "../../auth/identity.ts";
import { cookieValues, sidName } from "../cookies.ts";
import type { Mount } from "./dialect.ts";
import { hall } from "./hall.ts";
import { type PulseOptions, pulse } from "./pulse.ts";
import { rail } from "./rail.ts";
import { wxs } from "./wxs.ts";

export interface DialectOptions {
  /** Who calls a dialect whose document knows no credential, when none is presented: the sandbox's, else nobody. */
  withoutCredential: Identity | undefined;
  /** The key of the rail document's signatures; without one its URLs are closed. */
  railKey: string | undefined;
  pulse: PulseOptions;
  /** Whom one of these session cookies speaks for. */
  signedIn(sids: readonly string[]): Promise<Identity | undefined>;
  clock: { now(): number };
}

/** Every dialect. */
export function dialects(options: DialectOptions): Mount[] {
  const { withoutCredential, railKey, clock } = options;
  return [
    { dialect: wxs, identityWithoutCredential: withoutCredential },
    { dialect: hall({ clock }) },
    {
      dialect: pulse(options.pulse),
      identify: ({ header }) => options.signedIn(cookieValues(header("cookie") ?? "", sidName)),
    },
    ...(railKey === undefined ? [] : [{ dialect: rail({ key: railKey, clock }) }]),
  ];
}
