import { and, asc, count, desc, eq, gt, inArray, lt, lte, or, type SQL, sql } from "drizzle-orm";
import { RailOrder_State as State } from "../../../gen/liveuser/rail_pb.ts";
import { prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

/** One order; money in fen, times in ms, states as the contract numbers them. */
export interface RailRow {
  id: number;
  userId: number;
  state: number;
  amount: number;
  identitySealed: Uint8Array;
  identityLast4: string;
  documentType: number;
  passengerType: number;
  passengerName: string;
  fromSite: string;
  toSite: string;
  /** JSON. */
  details: string;
  merchantId: number | null;
  feeRate: number | null;
  ticketNo: string;
  remark: string;
  refundFrom: number | null;
  payAt: number | null;
  createdAt: number;
  updatedAt: number;
  expiresAt: number;
  confirmsAt: number | null;
}

export interface NewRailOrder
  extends Pick<
    RailRow,
    | "id"
    | "userId"
    | "amount"
    | "identityLast4"
    | "documentType"
    | "passengerType"
    | "passengerName"
    | "fromSite"
    | "toSite"
    | "details"
    | "createdAt"
    | "expiresAt"
  > {
  identitySealed: Uint8Array<ArrayBuffer>;
  idempotencyKey: string | null;
}

const byId = prepared((db, t) =>
  db
    .select(columns(t))
    .from(t.railOrders)
    .where(eq(t.railOrders.id, sql.placeholder("id"))),
);

const countOfUser = prepared((db, t) =>
  db
    .select({ count: count() })
    .from(t.railOrders)
    .where(eq(t.railOrders.userId, sql.placeholder("userId"))),
);

const benefitRateOf = prepared((db, t) =>
  db
    .select({ rate: t.profiles.benefitRate })
    .from(t.profiles)
    .where(eq(t.profiles.userId, sql.placeholder("userId"))),
);

const upsertBenefitRate = preparedWrite((db, t) =>
  db
    .insert(t.profiles)
    .values({ userId: sql.placeholder("userId"), benefitRate: sql.placeholder("rate") })
    .onConflictDoUpdate({
      target: t.profiles.userId,
      set: { benefitRate: sql`${sql.placeholder("rate")}` },
    }),
);

/** What every reader gets of an order. */
export function columns({ railOrders: r }: Reader["t"]) {
  return {
    id: r.id,
    userId: r.userId,
    state: r.state,
    amount: r.amount,
    identitySealed: r.identitySealed,
    identityLast4: r.identityLast4,
    documentType: r.documentType,
    passengerType: r.passengerType,
    passengerName: r.passengerName,
    fromSite: r.fromSite,
    toSite: r.toSite,
    details: r.details,
    merchantId: r.merchantId,
    feeRate: r.feeRate,
    ticketNo: r.ticketNo,
    remark: r.remark,
    refundFrom: r.refundFrom,
    payAt: r.payAt,
    createdAt: r.createdAt,
    updatedAt: r.updatedAt,
    expiresAt: r.expiresAt,
    confirmsAt: r.confirmsAt,
  };
}

/**
 * Whether an order stands in one of these states. One whose refund was rejected stands where it was when
 * the customer asked.
 */
export function standsIn({ railOrders: r }: Reader["t"], states: readonly State[]): SQL | undefined {
  return or(inArray(r.state, states), and(eq(r.state, State.returned_return), inArray(r.refundFrom, states)));
}

/** Whether nobody paid in time. */
export function isOverdue({ railOrders: r }: Reader["t"], now: number): SQL | undefined {
  return and(eq(r.state, State.wait_pay), lte(r.expiresAt, now));
}

/** Inserts an order that waits to be paid; nothing when the person has one with this idempotency key already. */
export async function insert({ db, t }: Tx, order: NewRailOrder): Promise<RailRow | undefined> {
  const [row] = await db
    .insert(t.railOrders)
    .values({
      id: order.id,
      userId: order.userId,
      state: State.wait_pay,
      amount: order.amount,
      identitySealed: order.identitySealed,
      identityLast4: order.identityLast4,
      documentType: order.documentType,
      passengerType: order.passengerType,
      passengerName: order.passengerName,
      fromSite: order.fromSite,
      toSite: order.toSite,
      details: order.details,
      idempotencyKey: order.idempotencyKey,
      createdAt: order.createdAt,
      updatedAt: order.createdAt,
      expiresAt: order.expiresAt,
    })
    .onConflictDoNothing({ target: [t.railOrders.userId, t.railOrders.idempotencyKey] })
    .returning(columns(t));
  return row;
}

/** The order, whosever it is. */
export async function find(reader: Reader, id: number): Promise<RailRow | undefined> {
  const [row] = await byId(reader, { id });
  return row;
}

/** The person's order that was made with this idempotency key. */
export async function findByKey(
  { db, t }: Reader,
  userId: number,
  idempotencyKey: string,
): Promise<RailRow | undefined> {
  const [row] = await db
    .select(columns(t))
    .from(t.railOrders)
    .where(and(eq(t.railOrders.userId, userId), eq(t.railOrders.idempotencyKey, idempotencyKey)));
  return row;
}

/** The person's orders, the newest first. */
export function listOfUser(
  { db, t }: Reader,
  { userId, offset, limit }: { userId: number; offset: number; limit: number },
): Promise<RailRow[]> {
  return db
    .select(columns(t))
    .from(t.railOrders)
    .where(eq(t.railOrders.userId, userId))
    .orderBy(desc(t.railOrders.id))
    .offset(offset)
    .limit(limit);
}

/** How many orders the person has. */
export async function countOf(reader: Reader, userId: number): Promise<number> {
  const [row] = await countOfUser(reader, { userId });
  return row?.count ?? 0;
}

/** Orders that wait for a merchant and have a larger id than `after`, the oldest first. */
export async function listOpen(
  { db, t }: Reader,
  { after, limit }: { after: number; limit: number },
): Promise<RailRow[]> {
  const { id, state, refundFrom } = t.railOrders;
  const open = (condition: SQL | undefined) =>
    db
      .select(columns(t))
      .from(t.railOrders)
      .where(and(condition, gt(id, after)))
      .orderBy(asc(id))
      .limit(limit);
  // One state at a time: each is a walk along the index, however many orders there are.
  const waiting = await open(eq(state, State.wait_rob));
  const again = await open(and(eq(state, State.returned_return), eq(refundFrom, State.wait_rob)));
  return [...waiting, ...again].sort((a, b) => a.id - b.id).slice(0, limit);
}

/** The orders that a merchant took and that have a smaller id than `before`, the newest first. */
export function listGrabbed(
  { db, t }: Reader,
  { merchantId, before, limit }: { merchantId: number; before: number; limit: number },
): Promise<RailRow[]> {
  return db
    .select(columns(t))
    .from(t.railOrders)
    .where(and(eq(t.railOrders.merchantId, merchantId), lt(t.railOrders.id, before)))
    .orderBy(desc(t.railOrders.id))
    .limit(limit);
}

export interface AllFilter {
  /** Empty for all. */
  states: readonly State[];
  before: number;
  limit: number;
  /** An unpaid order whose time is over by then counts as cancelled. */
  now: number;
}

/** Everybody's orders, the newest first. */
export function listAll({ db, t }: Reader, { states, before, limit, now }: AllFilter): Promise<RailRow[]> {
  return db
    .select(columns(t))
    .from(t.railOrders)
    .where(
      and(
        lt(t.railOrders.id, before),
        states.length === 0 ? undefined : or(...states.map((state) => isShownAs(t, state, now))),
      ),
    )
    .orderBy(desc(t.railOrders.id))
    .limit(limit);
}

function isShownAs(t: Reader["t"], state: State, now: number): SQL | undefined {
  const is = eq(t.railOrders.state, state);
  if (state === State.wait_pay) return and(is, gt(t.railOrders.expiresAt, now));
  return state === State.cancel ? or(is, isOverdue(t, now)) : is;
}

/** The person's newest order that can be paid. */
export async function newestUnpaid(
  { db, t }: Reader,
  { userId, now }: { userId: number; now: number },
): Promise<number | undefined> {
  const [row] = await db
    .select({ id: t.railOrders.id })
    .from(t.railOrders)
    .where(and(eq(t.railOrders.userId, userId), isShownAs(t, State.wait_pay, now)))
    .orderBy(desc(t.railOrders.id))
    .limit(1);
  return row?.id;
}

/** The merchant's fee (basis points). */
export async function benefitRate(reader: Reader, userId: number): Promise<number> {
  const [row] = await benefitRateOf(reader, { userId });
  return row?.rate ?? 0;
}

export async function setBenefitRate(tx: Tx, userId: number, rate: number): Promise<void> {
  await upsertBenefitRate(tx, { userId, rate });
}
