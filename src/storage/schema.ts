import type { Kit } from "./postgres-tables.ts";

/** What can be paid for. */
export type SubjectKind = "order" | "ticket" | "rail_order" | "measurement";

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
  const { table, index, uniqueIndex, primaryKey, id, int, long, real, time, bool, bytes, text } = kit;

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
      /** The mini-program's or official account's, in which the person signed in. */
      appid: text("appid").notNull().default(""),
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
      /** SHA-256 of the cookie that a browser has in place of tokens. */
      cookieHash: bytes("cookie_hash"),
    },
    (t) => [
      index("sessions_user_revoked").on(t.userId, t.revokedAt),
      index("sessions_absolute_expires").on(t.absoluteExpiresAt),
      uniqueIndex("sessions_cookie").on(t.cookieHash),
    ],
  );

  /** Sign-ins of browsers, from the way to WeChat to some time after the way back. */
  const webLogins = table(
    "web_logins",
    {
      /** SHA-256 of the state that WeChat hands back. */
      stateHash: bytes("state_hash").primaryKey(),
      /** SHA-256 of the cookie of the browser that began. */
      holderHash: bytes("holder_hash").notNull(),
      /** Where the browser goes afterwards. */
      target: text("target").notNull(),
      expiresAt: time("expires_at").notNull(),
      /** Since when a callback asks WeChat who it is. */
      claimedAt: time("claimed_at"),
      doneAt: time("done_at"),
      /** SHA-256 of the code that it ended with. */
      codeHash: bytes("code_hash"),
      /** SHA-256 of the cookie that the browser got; none if WeChat did not take the code. */
      cookieHash: bytes("cookie_hash"),
    },
    (t) => [index("web_logins_expires").on(t.expiresAt), index("web_logins_holder").on(t.holderHash)],
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

  /** One attempt to pay for something. */
  const payments = table(
    "payments",
    {
      id: id("id").primaryKey(),
      outTradeNo: text("out_trade_no").notNull(),
      /** What is paid for. */
      subjectKind: text<SubjectKind>("subject_kind").notNull(),
      subjectId: id("subject_id").notNull(),
      /** `kind:id` of the subject while this attempt can still be paid: there is one such attempt at most. */
      openFor: text("open_for"),
      userId: userId().notNull(),
      appid: text("appid").notNull(),
      openid: text("openid").notNull(),
      /** Fen. */
      amount: int("amount").notNull(),
      description: text("description").notNull(),
      state: text<"OPEN" | "CLOSING" | "CLOSED" | "PAID">("state").notNull(),
      prepayId: text("prepay_id"),
      /** When WeChat gave the prepay_id. */
      preparedAt: time("prepared_at"),
      /** WeChat's number of the payment. */
      transactionId: text("transaction_id"),
      paidAt: time("paid_at"),
      createdAt: time("created_at").notNull(),
      updatedAt: time("updated_at").notNull(),
      /** When WeChat is to be asked next; none when nothing is left to ask. */
      checkAt: time("check_at"),
      /** How often it was asked in this state. */
      checks: int("checks").notNull().default(0),
    },
    (t) => [
      uniqueIndex("payments_out_trade_no").on(t.outTradeNo),
      uniqueIndex("payments_open_for").on(t.openFor),
      index("payments_subject").on(t.subjectKind, t.subjectId, t.id),
      index("payments_check").on(t.checkAt),
    ],
  );

  /** Money on its way back to the person who paid. */
  const refunds = table(
    "refunds",
    {
      id: id("id").primaryKey(),
      outRefundNo: text("out_refund_no").notNull(),
      paymentId: id("payment_id")
        .notNull()
        .references(() => payments.id),
      /** Fen. */
      amount: int("amount").notNull(),
      reason: text("reason").notNull(),
      /** ASKED by the person, or LATE: the payment came when nothing was left to pay for. */
      cause: text<"ASKED" | "LATE">("cause").notNull(),
      state: text<"REQUESTED" | "PROCESSING" | "SUCCESS" | "CLOSED" | "ABNORMAL">("state").notNull(),
      /** WeChat's number of the refund. */
      refundId: text("refund_id"),
      createdAt: time("created_at").notNull(),
      updatedAt: time("updated_at").notNull(),
      checkAt: time("check_at"),
      checks: int("checks").notNull().default(0),
    },
    (t) => [
      uniqueIndex("refunds_out_refund_no").on(t.outRefundNo),
      index("refunds_payment").on(t.paymentId),
      index("refunds_check").on(t.checkAt),
    ],
  );

  /** Values that all servers on the database share, and one of them renews; written by upsert. */
  const sharedValues = table("shared_values", {
    name: text("name").primaryKey(),
    /** Counts the values, so that nobody writes an old one over a new one. */
    version: long("version").notNull().default(0),
    sealed: bytes("sealed"),
    expiresAt: time("expires_at").notNull().default(0),
    /** Who renews it at present, and until when nobody else may. */
    leaseHolder: text("lease_holder"),
    leaseUntil: time("lease_until").notNull().default(0),
  });

  /** Whoever follows the official account or did, by openid; written by upsert. */
  const followers = table(
    "followers",
    {
      openid: text("openid").primaryKey(),
      /** By time of creation: what lists go by. */
      id: id("id").notNull(),
      nickName: text("nick_name").notNull().default(""),
      iconUrl: text("icon_url").notNull().default(""),
      subscribed: bool("subscribed").notNull().default(false),
      /** When they last began to follow. */
      attentionTime: time("attention_time").notNull().default(0),
      /** When WeChat sent the newest subscribe or unsubscribe: an older one that comes late changes nothing. */
      changedAt: time("changed_at").notNull().default(0),
      /** The scene they scanned last, and when; none before the first scan. */
      sceneId: long("scene_id"),
      scanTime: time("scan_time").notNull().default(0),
    },
    (t) => [uniqueIndex("followers_id").on(t.id)],
  );

  /** Events of WeChat's that were worked off, so that a repeat changes nothing. Kept for some days. */
  const wechatEvents = table(
    "wechat_events",
    {
      id: id("id").primaryKey(),
      /** FromUserName, CreateTime and Event. */
      key: text("key").notNull(),
      at: time("at").notNull(),
    },
    (t) => [uniqueIndex("wechat_events_key").on(t.key), index("wechat_events_at").on(t.at)],
  );

  /** What a person is about to watch. Whoever changes a cart writes its row first, so changes come one after another. */
  const carts = table("carts", {
    userId: userId().primaryKey(),
    /** JSON: the movies' ids, in their order. */
    movieIds: text("movie_ids").notNull().default("[]"),
    changedAt: time("changed_at").notNull(),
  });

  /** Which seat a scene stands for; written by upsert. */
  const seats = table(
    "seats",
    {
      sceneId: long("scene_id").primaryKey(),
      cinemaName: text("cinema_name").notNull(),
      hallName: text("hall_name").notNull(),
      seatNumber: text("seat_number").notNull(),
      /** The seat's device. */
      vrClientId: text("vr_client_id").notNull(),
    },
    (t) => [uniqueIndex("seats_vr_client").on(t.vrClientId)],
  );

  const tickets = table(
    "tickets",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      /** The numbers of TicketRecord.Status. */
      status: int("status").notNull(),
      /** The numbers of TicketProgress.Phase. */
      phase: int("phase").notNull(),
      price: int("price").notNull(),
      actualPrice: int("actual_price").notNull(),
      payMode: text("pay_mode").notNull().default(""),
      payTime: time("pay_time"),
      viewerOpenid: text("viewer_openid").notNull(),
      viewerNickName: text("viewer_nick_name").notNull(),
      /** The seat as it was when the ticket was made, and again when it was distributed. */
      sceneId: long("scene_id").notNull(),
      vrClientId: text("vr_client_id").notNull(),
      seatNumber: text("seat_number").notNull(),
      cinemaName: text("cinema_name").notNull(),
      hallName: text("hall_name").notNull(),
      /** JSON: the movies' ids, in their order. */
      movieIds: text("movie_ids").notNull(),
      createdAt: time("created_at").notNull(),
      expiresAt: time("expires_at").notNull(),
    },
    (t) => [
      index("tickets_user").on(t.userId, t.id),
      index("tickets_user_status").on(t.userId, t.status, t.id),
      index("tickets_status").on(t.status, t.id),
      index("tickets_status_expires").on(t.status, t.expiresAt, t.userId),
      index("tickets_vr_client").on(t.vrClientId, t.phase, t.id),
    ],
  );

  /**
   * How many tickets a person has with each status, and everybody together in the row of person 0; so no
   * list has to count. Written by upsert, in the transaction that changes a ticket.
   */
  const ticketTotals = table("ticket_totals", {
    userId: id("user_id").primaryKey(),
    pending: int("pending").notNull(),
    paid: int("paid").notNull(),
    overTime: int("over_time").notNull(),
    cancelled: int("cancelled").notNull(),
    /** How many changes there were: in the row of person 0 the number of the newest of ticket_changes. */
    changes: long("changes").notNull(),
  });

  /** What happened to tickets, for those who watch. Kept for some days. */
  const ticketChanges = table(
    "ticket_changes",
    {
      /** From ticket_totals, so without gaps and in the order of the commits. */
      number: long("number").primaryKey(),
      ticketId: id("ticket_id")
        .notNull()
        .references(() => tickets.id),
      userId: id("user_id").notNull(),
      /** The ticket's device, status, progress and time of payment after the change. */
      vrClientId: text("vr_client_id").notNull(),
      status: int("status").notNull(),
      phase: int("phase").notNull(),
      payTime: time("pay_time"),
      at: time("at").notNull(),
    },
    (t) => [
      index("ticket_changes_user").on(t.userId, t.number),
      index("ticket_changes_vr_client").on(t.vrClientId, t.number),
    ],
  );

  const complaints = table("complaints", {
    id: id("id").primaryKey(),
    ticketId: id("ticket_id")
      .notNull()
      .references(() => tickets.id),
    openid: text("openid").notNull(),
    content: text("content").notNull(),
    /** OPEN 0, SETTLED 1. */
    state: int("state").notNull().default(0),
    createdAt: time("created_at").notNull(),
  });

  /**
   * Accounts that must not go below zero. Whoever takes out of one writes its row first, so that takings
   * come one after another. Written by upsert.
   */
  const ledgerAccounts = table("ledger_accounts", {
    /** As in ledger_lines. */
    account: text("account").primaryKey(),
    /** How often something was taken out. */
    takings: long("takings").notNull(),
  });

  /** What happened to money. Triggers keep anybody from changing or deleting what is there, lines included. */
  const ledgerEntries = table(
    "ledger_entries",
    {
      id: id("id").primaryKey(),
      /** Names the posting: the same one twice is one entry. */
      key: text("key").notNull(),
      kind: text("kind").notNull(),
      /** What it is about: `rail_order:17`. */
      reference: text("reference").notNull(),
      at: time("at").notNull(),
    },
    (t) => [
      uniqueIndex("ledger_entries_key").on(t.key),
      index("ledger_entries_reference").on(t.reference, t.id),
    ],
  );

  /** What an entry puts into accounts (above zero) and takes out of them (below); its sum is zero. */
  const ledgerLines = table(
    "ledger_lines",
    {
      entryId: id("entry_id")
        .notNull()
        .references(() => ledgerEntries.id),
      account: text("account").notNull(),
      /** Fen. */
      amount: long("amount").notNull(),
    },
    (t) => [
      primaryKey({ name: "ledger_lines_key", columns: [t.entryId, t.account] }),
      // Has all that a sum needs.
      index("ledger_lines_account").on(t.account, t.amount),
    ],
  );

  const railOrders = table(
    "rail_orders",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      /** The numbers of RailOrder.State. */
      state: int("state").notNull(),
      /** Fen. */
      amount: int("amount").notNull(),
      /** The passenger's identity number, encrypted. */
      identitySealed: bytes("identity_sealed").notNull(),
      identityLast4: text("identity_last4").notNull(),
      /** The numbers of Contact.DocumentType and Contact.PassengerType. */
      documentType: int("document_type").notNull(),
      passengerType: int("passenger_type").notNull(),
      passengerName: text("passenger_name").notNull(),
      fromSite: text("from_site").notNull(),
      toSite: text("to_site").notNull(),
      /** JSON: the trains that would do. */
      details: text("details").notNull(),
      idempotencyKey: text("idempotency_key"),
      /** Who took it. */
      merchantId: id("merchant_id").references(() => users.id),
      /** The merchant's fee as it was then (basis points). */
      feeRate: int("fee_rate"),
      ticketNo: text("ticket_no").notNull().default(""),
      /** What the operator said at the last audit. */
      remark: text("remark").notNull().default(""),
      /** The state in which the customer asked for the money back; none when that is not so or long past. */
      refundFrom: int("refund_from"),
      /** It was cancelled because nobody paid in time. */
      ranOut: bool("ran_out").notNull().default(false),
      payAt: time("pay_at"),
      createdAt: time("created_at").notNull(),
      updatedAt: time("updated_at").notNull(),
      /** Until when it can be paid. */
      expiresAt: time("expires_at").notNull(),
      /** When it confirms itself; none before there is anything to confirm. */
      confirmsAt: time("confirms_at"),
    },
    (t) => [
      uniqueIndex("rail_orders_idempotency").on(t.userId, t.idempotencyKey),
      index("rail_orders_user").on(t.userId, t.id),
      index("rail_orders_merchant").on(t.merchantId, t.id),
      index("rail_orders_state").on(t.state, t.id),
      index("rail_orders_state_expires").on(t.state, t.expiresAt),
      index("rail_orders_state_confirms").on(t.state, t.confirmsAt),
    ],
  );

  /** What operators set for the clients, by key; written by upsert. */
  const appConfig = table("app_config", {
    key: text("key").primaryKey(),
    /** JSON. */
    value: text("value").notNull(),
    updatedAt: time("updated_at").notNull(),
  });

  /** People whom a person buys tickets for. */
  const contacts = table(
    "contacts",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      /** The identity number, encrypted. */
      identitySealed: bytes("identity_sealed").notNull(),
      /** What stands for it where it has to be found again. */
      identityDigest: bytes("identity_digest").notNull(),
      name: text("name").notNull(),
      /** The numbers of Contact.PassengerType and Contact.DocumentType. */
      passengerType: int("passenger_type").notNull(),
      documentType: int("document_type").notNull(),
      createdAt: time("created_at").notNull(),
    },
    (t) => [
      uniqueIndex("contacts_user_identity").on(t.userId, t.identityDigest),
      index("contacts_user").on(t.userId, t.id),
    ],
  );

  /** The newest code that a person had sent to a number; written by upsert. Used or over, it goes. */
  const phoneCodes = table(
    "phone_codes",
    {
      userId: userId().notNull(),
      /** What stands for the number. */
      phoneDigest: bytes("phone_digest").notNull(),
      codeDigest: bytes("code_digest").notNull(),
      /** How often somebody tried to guess it. */
      tries: int("tries").notNull(),
      expiresAt: time("expires_at").notNull(),
    },
    (t) => [
      primaryKey({ name: "phone_codes_key", columns: [t.userId, t.phoneDigest] }),
      index("phone_codes_expires").on(t.expiresAt),
    ],
  );

  /** How many codes a person asked for, and how many a number got; written by upsert. */
  const phoneCodeCounts = table(
    "phone_code_counts",
    {
      /** `person:17` or `phone:` and what stands for the number. */
      subject: text("subject").primaryKey(),
      /** In the day that began with the first of them. */
      count: int("count").notNull(),
      dayFrom: time("day_from").notNull(),
      /** When the last one was sent; 0 when that failed. */
      lastAt: time("last_at").notNull(),
    },
    (t) => [index("phone_code_counts_day").on(t.dayFrom)],
  );

  /** Pulse waves. Gone for good when their owner deletes them. */
  const measurements = table(
    "measurements",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      /** Hz. */
      sampleRate: real("sample_rate").notNull(),
      sampleCount: int("sample_count").notNull(),
      remark: text("remark").notNull(),
      /** What a report costs: the price at the time of recording. */
      price: int("price").notNull(),
      paidAt: time("paid_at"),
      createdAt: time("created_at").notNull(),
      idempotencyKey: text("idempotency_key"),
      requestHash: bytes("request_hash"),
      /** As services/measurement/packing.ts packs them. */
      packed: bytes("packed").notNull(),
    },
    (t) => [
      uniqueIndex("measurements_idempotency").on(t.userId, t.idempotencyKey),
      // Has the time too, so that a list reads no row outside its range.
      index("measurements_user").on(t.userId, t.id, t.createdAt),
      index("measurements_unpaid").on(t.userId, t.paidAt, t.price, t.id),
    ],
  );

  /** Pages that visitors of the hall may be sent back to, and that notices may open. */
  const partnerPages = table(
    "partner_pages",
    {
      appid: text("appid")
        .notNull()
        .references(() => apps.appid),
      /** A URL without query and fragment: the pages are those that begin with it. */
      prefix: text("prefix").notNull(),
      createdAt: time("created_at").notNull(),
    },
    (t) => [primaryKey({ name: "partner_pages_key", columns: [t.appid, t.prefix] })],
  );

  /** The pages that partners had an address at WeChat made for; written by upsert. */
  const hallReturns = table(
    "hall_returns",
    {
      /** What stands for partner and page in that address. */
      key: text("key").primaryKey(),
      appid: text("appid").notNull(),
      page: text("page").notNull(),
      /** When it was last asked for or somebody came by it, give or take a day. */
      usedAt: time("used_at").notNull(),
    },
    (t) => [index("hall_returns_used").on(t.usedAt)],
  );

  /** The hall's one-time codes, with which visitors come back to a partner; written by upsert. */
  const hallCodes = table(
    "hall_codes",
    {
      codeDigest: bytes("code_digest").primaryKey(),
      /** The partner that it was made for. */
      appid: text("appid").notNull(),
      userId: userId().notNull(),
      openid: text("openid").notNull(),
      expiresAt: time("expires_at").notNull(),
      usedAt: time("used_at"),
    },
    (t) => [index("hall_codes_expires").on(t.expiresAt)],
  );

  /** Which openids a partner learned; written by upsert. */
  const partnerOpenids = table(
    "partner_openids",
    {
      appid: text("appid").notNull(),
      openid: text("openid").notNull(),
      userId: userId().notNull(),
      learnedAt: time("learned_at").notNull(),
    },
    (t) => [primaryKey({ name: "partner_openids_key", columns: [t.appid, t.openid] })],
  );

  /** Phone lines and devices bound to openids. */
  const bindings = table(
    "bindings",
    {
      id: id("id").primaryKey(),
      userId: userId().notNull(),
      openid: text("openid").notNull(),
      deviceNo: text("device_no").notNull(),
      deviceName: text("device_name").notNull(),
      operators: text("operators").notNull(),
      qcellcore: text("qcellcore").notNull(),
      /** As the partner reported them. */
      channel: text("channel").notNull().default(""),
      source: text("source").notNull().default(""),
      boundAt: time("bound_at").notNull(),
      changedAt: time("changed_at").notNull(),
    },
    (t) => [
      uniqueIndex("bindings_openid_device").on(t.openid, t.deviceNo),
      index("bindings_user").on(t.userId, t.id),
    ],
  );

  /** Traffic packages that partners reported as bought. */
  const hallOrders = table(
    "hall_orders",
    {
      id: id("id").primaryKey(),
      orderNo: text("order_no").notNull(),
      appid: text("appid").notNull(),
      openid: text("openid").notNull(),
      deviceNo: text("device_no").notNull(),
      packageName: text("package_name").notNull(),
      /** YYYY-MM-DD. */
      transactionDate: text("transaction_date").notNull(),
      channel: text("channel").notNull(),
      source: text("source").notNull(),
      reportedAt: time("reported_at").notNull(),
    },
    (t) => [
      uniqueIndex("hall_orders_order").on(t.appid, t.deviceNo, t.packageName, t.transactionDate),
      index("hall_orders_appid").on(t.appid, t.id),
    ],
  );

  /** Tickets with which a partner learns somebody's phone number. Used or over, they go. */
  const hallTickets = table(
    "hall_tickets",
    {
      id: id("id").primaryKey(),
      ticketDigest: bytes("ticket_digest").notNull(),
      userId: userId().notNull(),
      /** The partner that may use it; any if there is none. */
      appid: text("appid"),
      expiresAt: time("expires_at").notNull(),
    },
    (t) => [
      uniqueIndex("hall_tickets_digest").on(t.ticketDigest),
      index("hall_tickets_expires").on(t.expiresAt),
    ],
  );

  return {
    users,
    identities,
    profiles,
    sessions,
    webLogins,
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
    carts,
    seats,
    tickets,
    ticketTotals,
    ticketChanges,
    complaints,
    ledgerAccounts,
    ledgerEntries,
    ledgerLines,
    railOrders,
    appConfig,
    contacts,
    phoneCodes,
    phoneCodeCounts,
    measurements,
    partnerPages,
    hallReturns,
    hallCodes,
    partnerOpenids,
    bindings,
    hallOrders,
    hallTickets,
  };
}

export type Tables = ReturnType<typeof defineTables>;
