import { sqliteTables } from "../sqlite-tables.ts";

/** drizzle-kit takes the tables that a file exports one by one; a test finds a forgotten one. */
export const {
  users,
  identities,
  profiles,
  sessions,
  signingKeys,
  secrets,
  apps,
  appTokensIssued,
  auditEvents,
  products,
  productSnapshots,
  orders,
  orderProducts,
  payments,
  refunds,
  sharedValues,
  followers,
  wechatEvents,
} = sqliteTables;
