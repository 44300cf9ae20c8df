import { and, asc, desc, eq, gt, gte, inArray, lt, lte, min, or, type SQL, sql } from "drizzle-orm";
import { perCount, prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

/** The states as they are kept: the numbers of OrderRecord.State. */
export const CREATED = 0;
export const PAID = 1;
export const CANCELLED = 2;
export const EXPIRED = 3;
export const REFUNDING = 4;
export const REFUNDED = 5;

/** One order; money in fen, times in ms. */
export interface OrderRow {
  id: number;
  userId: number;
  state: number;
  amount: number;
  discount: number;
  pay: number;
  payAt: number | null;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
  expiresAt: number;
}

/** One line of an order. */
export interface LineRow {
  orderId: number;
  position: number;
  productId: string;
  name: string;
  price: number;
  count: number;
  productSnapshot: number;
  detail: string;
}

export interface NewOrder
  extends Pick<
    OrderRow,
    "id" | "userId" | "state" | "amount" | "discount" | "pay" | "payAt" | "createdAt" | "expiresAt"
  > {
  idempotencyKey: string | null;
  requestHash: Uint8Array | null;
}

const insertOrder = preparedWrite((db, t) =>
  db
    .insert(t.orders)
    .values({
      id: sql.placeholder("id"),
      userId: sql.placeholder("userId"),
      state: sql.placeholder("state"),
      payAt: sql.placeholder("payAt"),
      amount: sql.placeholder("amount"),
      discount: sql.placeholder("discount"),
      pay: sql.placeholder("pay"),
      createdAt: sql.placeholder("createdAt"),
      updatedAt: sql.placeholder("createdAt"),
      expiresAt: sql.placeholder("expiresAt"),
      idempotencyKey: sql.placeholder("idempotencyKey"),
      requestHash: sql.placeholder("requestHash"),
    })
    .onConflictDoNothing({ target: [t.orders.userId, t.orders.idempotencyKey] })
    .returning({ id: t.orders.id }),
);

const insertLines = perCount((count) =>
  preparedWrite((db, t) =>
    db.insert(t.orderProducts).values(
      Array.from({ length: count }, (_, i) => ({
        orderId: sql.placeholder("orderId"),
        position: i,
        productId: sql.placeholder(`productId${i}`),
        name: sql.placeholder(`name${i}`),
        price: sql.placeholder(`price${i}`),
        count: sql.placeholder(`count${i}`),
        productSnapshot: sql.placeholder(`productSnapshot${i}`),
        detail: sql.placeholder(`detail${i}`),
      })),
    ),
  ),
);

const byKey = prepared((db, t) =>
  db
    .select({ ...orderColumns(t), requestHash: t.orders.requestHash })
    .from(t.orders)
    .where(
      and(
        eq(t.orders.userId, sql.placeholder("userId")),
        eq(t.orders.idempotencyKey, sql.placeholder("idempotencyKey")),
      ),
    ),
);

const byId = prepared((db, t) =>
  db
    .select(orderColumns(t))
    .from(t.orders)
    .where(eq(t.orders.id, sql.placeholder("id"))),
);

const newestOfUser = prepared((db, t) =>
  db
    .select(orderColumns(t))
    .from(t.orders)
    .where(and(eq(t.orders.userId, sql.placeholder("userId")), lt(t.orders.id, sql.placeholder("before"))))
    .orderBy(desc(t.orders.id))
    .limit(sql.placeholder("limit")),
);

const linesOfMany = perCount((count) =>
  prepared((db, t) =>
    db
      .select(lineColumns(t))
      .from(t.orderProducts)
      .where(
        inArray(
          t.orderProducts.orderId,
          Array.from({ length: count }, (_, i) => sql.placeholder(`${i}`)),
        ),
      )
      .orderBy(asc(t.orderProducts.orderId), asc(t.orderProducts.position)),
  ),
);

function orderColumns(t: Reader["t"]) {
  const { id, userId, state, amount, discount, pay, payAt, createdAt, updatedAt, deletedAt, expiresAt } =
    t.orders;
  return { id, userId, state, amount, discount, pay, payAt, createdAt, updatedAt, deletedAt, expiresAt };
}

function lineColumns(t: Reader["t"]) {
  const { orderId, position, productId, name, price, count, productSnapshot, detail } = t.orderProducts;
  return { orderId, position, productId, name, price, count, productSnapshot, detail };
}

/** Inserts an order with its lines; false when the person has one with this idempotency key already. */
export async function insert(tx: Tx, order: NewOrder, lines: readonly LineRow[]): Promise<boolean> {
  const inserted = await insertOrder(tx, { ...order });
  if (inserted.length === 0) return false;
  const values: Record<string, unknown> = { orderId: order.id };
  lines.forEach((line, i) => {
    values[`productId${i}`] = line.productId;
    values[`name${i}`] = line.name;
    values[`price${i}`] = line.price;
    values[`count${i}`] = line.count;
    values[`productSnapshot${i}`] = line.productSnapshot;
    values[`detail${i}`] = line.detail;
  });
  await insertLines(lines.length)(tx, values);
  return true;
}

/** The person's order that was made with this idempotency key, and the hash of the request that made it. */
export async function findByKey(
  reader: Reader,
  userId: number,
  idempotencyKey: string,
): Promise<(OrderRow & { requestHash: Uint8Array | null }) | undefined> {
  const [row] = await byKey(reader, { userId, idempotencyKey });
  return row;
}

/** The order, whosever it is. */
export async function find(reader: Reader, id: number): Promise<OrderRow | undefined> {
  const [row] = await byId(reader, { id });
  return row;
}

/** The lines of these orders, by order and position. */
export async function linesOf(reader: Reader, orderIds: readonly number[]): Promise<LineRow[]> {
  if (orderIds.length === 0) return [];
  return linesOfMany(orderIds.length)(reader, { ...orderIds });
}

export interface ListFilter {
  /** Only this person's. */
  userId?: number | undefined;
  /** Only orders in one of these states; empty for all. */
  states: readonly number[];
  /** Only orders with a smaller id. */
  before: number;
  limit: number;
  /** An unpaid order whose time is over by then counts as expired. */
  now: number;
}

/** Orders, the newest first. */
export function list(
  reader: Reader,
  { userId, states, before, limit, now }: ListFilter,
): Promise<OrderRow[]> {
  if (userId !== undefined && states.length === 0) return newestOfUser(reader, { userId, before, limit });
  const { db, t } = reader;
  return db
    .select(orderColumns(t))
    .from(t.orders)
    .where(
      and(
        lt(t.orders.id, before),
        userId === undefined ? undefined : eq(t.orders.userId, userId),
        states.length === 0 ? undefined : or(...states.map((state) => isIn(t, state, now))),
      ),
    )
    .orderBy(desc(t.orders.id))
    .limit(limit);
}

function isIn(t: Reader["t"], state: number, now: number): SQL | undefined {
  if (state === CREATED) return and(eq(t.orders.state, CREATED), gt(t.orders.expiresAt, now));
  if (state === EXPIRED) return or(eq(t.orders.state, EXPIRED), isOverdue(t, now));
  return eq(t.orders.state, state);
}

function isOverdue(t: Reader["t"], now: number): SQL | undefined {
  return and(eq(t.orders.state, CREATED), lte(t.orders.expiresAt, now));
}

/** Cancels the person's order if it still waits to be paid; answers it as it is then, else nothing. */
export async function cancel(
  { db, t }: Tx,
  { id, userId, now }: { id: number; userId: number; now: number },
): Promise<OrderRow | undefined> {
  const [row] = await db
    .update(t.orders)
    .set({ state: CANCELLED, updatedAt: now })
    .where(
      and(
        eq(t.orders.id, id),
        eq(t.orders.userId, userId),
        eq(t.orders.state, CREATED),
        gt(t.orders.expiresAt, now),
      ),
    )
    .returning(orderColumns(t));
  return row;
}

/**
 * Marks an order as paid at `at` (unix ms) if that was in time, however late the news of it come: one
 * that counts as expired by now is paid after all. Answers it as it is then, nothing for any other.
 */
export async function pay(
  { db, t }: Tx,
  { id, at, now }: { id: number; at: number; now: number },
): Promise<OrderRow | undefined> {
  const [row] = await db
    .update(t.orders)
    .set({ state: PAID, payAt: at, updatedAt: now })
    .where(and(eq(t.orders.id, id), inArray(t.orders.state, [CREATED, EXPIRED]), gte(t.orders.expiresAt, at)))
    .returning(orderColumns(t));
  return row;
}

/** Moves an order from one state to another; answers it as it is then, or nothing if it was not in `from`. */
export async function move(
  { db, t }: Tx,
  { id, from, to, now }: { id: number; from: number; to: number; now: number },
): Promise<OrderRow | undefined> {
  const [row] = await db
    .update(t.orders)
    .set({ state: to, updatedAt: now })
    .where(and(eq(t.orders.id, id), eq(t.orders.state, from)))
    .returning(orderColumns(t));
  return row;
}

/** The person's newest order that can be paid. */
export async function newestUnpaid(
  { db, t }: Reader,
  { userId, now }: { userId: number; now: number },
): Promise<number | undefined> {
  const [row] = await db
    .select({ id: t.orders.id })
    .from(t.orders)
    .where(and(eq(t.orders.userId, userId), isIn(t, CREATED, now)))
    .orderBy(desc(t.orders.id))
    .limit(1);
  return row?.id;
}

/** Marks up to `limit` unpaid orders whose time is over as expired; answers which. */
export async function expire({ db, t }: Tx, now: number, limit: number): Promise<number[]> {
  const overdue = db.select({ id: t.orders.id }).from(t.orders).where(isOverdue(t, now)).limit(limit);
  const expired = await db
    .update(t.orders)
    .set({ state: EXPIRED, updatedAt: sql`${t.orders.expiresAt}` })
    // Again here: the order may have been paid since the inner select saw it.
    .where(and(inArray(t.orders.id, overdue), isOverdue(t, now)))
    .returning({ id: t.orders.id });
  return expired.map(({ id }) => id);
}

/** When the next unpaid order runs out (ms); nothing when there is none. */
export async function nextExpiry({ db, t }: Reader): Promise<number | undefined> {
  const [row] = await db
    .select({ at: min(t.orders.expiresAt) })
    .from(t.orders)
    .where(eq(t.orders.state, CREATED));
  return row?.at ?? undefined;
}
