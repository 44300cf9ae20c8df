/** The part of a person's money that is theirs to have. */
export type Available = `available:${number}`;
/** The part of a person's money that is held until it is clear whose it will be. */
export type Held = `held:${number}`;

/**
 * Where money is. An amount above zero is money put into an account, below zero taken out of it. So a
 * person's accounts, fees and sales show what the business owes or earned, and `wechat` shows below zero
 * what WeChat Pay keeps for it.
 */
export type Account = Available | Held | "wechat" | "fees" | "sales";

export function available(uid: number): Available {
  return `available:${uid}`;
}

export function held(uid: number): Held {
  return `held:${uid}`;
}

/** Whether the account is a person's: such a one never goes below zero. */
export function isPersons(account: Account): account is Available | Held {
  return account.startsWith("available:") || account.startsWith("held:");
}
