import type { Kit } from "./postgres-tables.ts";

/**
 * Every table, once for both engines: sqlite-tables.ts and postgres-tables.ts call this, so that a start
 * loads one engine's half of Drizzle. After a change: `npm run db:generate -- what_changes` writes the migrations.
 *
 * - Times are ms since 1970, money is fen, ids come from ids.ts.
 * - A primary key is an id of ids.ts, or a natural key that is only ever written by an upsert. A conflict
 *   on a primary key is taken for an id that was given twice, and the transaction runs again with another
 *   node; what may conflict in normal work (an idempotency key, an openid) is a unique index instead.
 */
export function defineTables(kit: Kit) {
  const { table, index, uniqueIndex, primaryKey, id, int, time, bool, bytes, text } = kit;

  const users = table(
    "users",
    {
      id: id("id").primaryKey(),
      /** The openid that the person was first seen with; `identities` has all of them. */
      openid: text("openid"),
      /** The same for all apps of one WeChat open platform account: joins a person's identities. */
      unionid: text("unionid"),
      role: text<"customer" | "business">("role").notNull().default("customer"),
      bannedAt: time("banned_at"),
      createdAt: time("created_at").notNull(),
      name: text("name").notNull().default(""),
      agent: text("agent").notNull().default(""),
      avatar: text("avatar").notNull().default(""),
      updateAt: time("update_at").notNull().default(0),
    },
    (t) => [uniqueIndex("users_unionid").on(t.unionid)],
  );

  const userId = () => id("user_id").references(() => users.id);

  /** Under which openid an app (mini-program, official account) knows a person. */
  const identities = table(
    "identities",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      appid: text("appid").notNull(),
      openid: text("openid").notNull(),
    },
    (t) => [
      uniqueIndex("identities_appid_openid").on(t.appid, t.openid),
      index("identities_user").on(t.userId),
      index("identities_openid").on(t.openid),
    ],
  );

  const profiles = table("profiles", {
    userId: userId().primaryKey(),
    phone: text("phone"),
    phoneVerifiedAt: time("phone_verified_at"),
    wechatNo: text("wechat_no").notNull().default(""),
    status: text<"WAIT_AUTHEN" | "AUTHENED">("status").notNull().default("WAIT_AUTHEN"),
    birthday: text("birthday").notNull().default(""),
    /** The identity number, encrypted. */
    identitySealed: bytes("identity_sealed"),
    identityLast4: text("identity_last4").notNull().default(""),
    realName: text("real_name").notNull().default(""),
    /** Basis points (1/10000). */
    benefitRate: int("benefit_rate").notNull().default(0),
    /** The account at 12306. */
    railAccount: text("rail_account").notNull().default(""),
  });

  const sessions = table(
    "sessions",
    {
      /** 128 random bits, base64url. */
      sid: text("sid").primaryKey(),
      /** None for a machine identity. */
      userId: userId(),
      /** Counts the refresh tokens; only the newest is good. */
      generation: int("generation").notNull().default(0),
      absoluteExpiresAt: time("absolute_expires_at").notNull(),
      idleExpiresAt: time("idle_expires_at").notNull(),
      device: text("device").notNull().default(""),
      createdAt: time("created_at").notNull(),
      usedAt: time("used_at").notNull(),
      revokedAt: time("revoked_at"),
      revokeReason: text("revoke_reason"),
      /** SHA-256 of the attempt_id that the newest token was made for: the same attempt may come twice. */
      attemptHash: bytes("attempt_hash"),
      rotatedAt: time("rotated_at"),
      /** The newest refresh token or its access token was seen, so its predecessor is of no use any more. */
      successorUsed: bool("successor_used").notNull().default(false),
    },
    (t) => [
      index("sessions_user_revoked").on(t.userId, t.revokedAt),
      index("sessions_absolute_expires").on(t.absoluteExpiresAt),
    ],
  );

  const signingKeys = table("signing_keys", {
    kid: text("kid").primaryKey(),
    alg: text("alg").notNull(),
    /** JSON. */
    publicJwk: text("public_jwk").notNull(),
    privateSealed: bytes("private_sealed").notNull(),
    createdAt: time("created_at").notNull(),
    activeFrom: time("active_from").notNull(),
    /** From then on it signs nothing. */
    retireAt: time("retire_at"),
    /** From then on the key set no longer shows it. */
    removeAt: time("remove_at"),
  });

  /** Other secrets of the server, encrypted as the private keys are. */
  const secrets = table("secrets", {
    name: text("name").primaryKey(),
    sealed: bytes("sealed").notNull(),
    createdAt: time("created_at").notNull(),
  });

  /** Machine identities. */
  const apps = table("apps", {
    appid: text("appid").primaryKey(),
    secretHash: text("secret_hash").notNull(),
    role: text<"operator" | "device" | "partner" | "service">("role").notNull(),
    quotaPerDay: int("quota_per_day").notNull(),
    createdAt: time("created_at").notNull(),
    disabledAt: time("disabled_at"),
  });

  /** How many tokens an app was given on a day (YYYY-MM-DD); written by upsert. */
  const appTokensIssued = table(
    "app_tokens_issued",
    {
      appid: text("appid")
        .notNull()
        .references(() => apps.appid),
      day: text("day").notNull(),
      count: int("count").notNull(),
    },
    (t) => [primaryKey({ name: "app_tokens_issued_key", columns: [t.appid, t.day] })],
  );

  /** What happened to accounts and sessions; outlives what it speaks of, so it references nothing. */
  const auditEvents = table(
    "audit_events",
    {
      id: id("id").primaryKey(),
      at: time("at").notNull(),
      kind: text("kind").notNull(),
      userId: id("user_id"),
      sid: text("sid"),
      appid: text("appid"),
      /** JSON. */
      detail: text("detail").notNull().default("{}"),
    },
    (t) => [index("audit_events_user").on(t.userId, t.id)],
  );

  const products = table(
    "products",
    {
      productId: text("product_id").primaryKey(),
      /** By time of creation: what cursors go by. */
      id: id("id").notNull(),
      kind: text<"PRODUCT" | "MOVIE">("kind").notNull(),
      name: text("name").notNull(),
      price: int("price").notNull(),
      detail: text("detail").notNull().default(""),
      onSale: bool("on_sale").notNull().default(true),
      /** The newest of product_snapshots. */
      snapshot: id("snapshot")
        .notNull()
        .references(() => productSnapshots.id),
      updatedAt: time("updated_at").notNull(),
    },
    (t) => [uniqueIndex("products_id").on(t.id), index("products_kind_id").on(t.kind, t.id)],
  );

  /** A product as it was when somebody ordered it; never changed. */
  const productSnapshots = table("product_snapshots", {
    id: id("id").primaryKey(),
    productId: text("product_id").notNull(),
    kind: text<"PRODUCT" | "MOVIE">("kind").notNull(),
    name: text("name").notNull(),
    price: int("price").notNull(),
    detail: text("detail").notNull(),
    createdAt: time("created_at").notNull(),
  });

  const orders = table(
    "orders",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      /** CREATED 0, PAID 1, CANCELLED 2, EXPIRED 3, REFUNDING 4, REFUNDED 5. */
      state: int("state").notNull().default(0),
      /** pay = amount - discount */
      amount: int("amount").notNull(),
      discount: int("discount").notNull().default(0),
      pay: int("pay").notNull(),
      payAt: time("pay_at"),
      createdAt: time("created_at").notNull(),
      updatedAt: time("updated_at").notNull(),
      deletedAt: time("deleted_at"),
      expiresAt: time("expires_at").notNull(),
      idempotencyKey: text("idempotency_key"),
      requestHash: bytes("request_hash"),
    },
    (t) => [
      uniqueIndex("orders_idempotency").on(t.userId, t.idempotencyKey),
      index("orders_user").on(t.userId, t.id),
      index("orders_state_expires").on(t.state, t.expiresAt),
    ],
  );

  const orderProducts = table(
    "order_products",
    {
      orderId: id("order_id")
        .notNull()
        .references(() => orders.id),
      position: int("position").notNull(),
      productId: text("product_id").notNull(),
      name: text("name").notNull(),
      price: int("price").notNull(),
      count: int("count").notNull(),
      productSnapshot: id("product_snapshot")
        .notNull()
        .references(() => productSnapshots.id),
      detail: text("detail").notNull(),
    },
    (t) => [primaryKey({ name: "order_products_key", columns: [t.orderId, t.position] })],
  );

  return {
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
  };
}

export type Tables = ReturnType<typeof defineTables>;
