import { and, asc, desc, eq, inArray, isNotNull, isNull, lte, min } from "drizzle-orm";
import type { Reader, Tx } from "../storage/store.ts";
import type { Subject } from "./payable.ts";

/** An attempt to pay; money in fen, times in unix ms. */
export type PaymentRow = Reader["t"]["payments"]["$inferSelect"];
export type RefundRow = Reader["t"]["refunds"]["$inferSelect"];

export type NewPayment = Pick<
  PaymentRow,
  "id" | "userId" | "appid" | "openid" | "amount" | "description" | "createdAt" | "checkAt"
> & { subject: Subject };

export type NewRefund = Pick<
  RefundRow,
  "id" | "paymentId" | "amount" | "reason" | "cause" | "createdAt" | "checkAt"
>;

export const outTradeNo = (id: number) => `lu${id}`;
export const outRefundNo = (id: number) => `lr${id}`;

function openFor({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

/** The openid under which an app knows a person. */
export async function openidOf(
  { db, t }: Reader,
  { userId, appid }: { userId: number; appid: string },
): Promise<string | undefined> {
  const [row] = await db
    .select({ openid: t.identities.openid })
    .from(t.identities)
    .where(and(eq(t.identities.userId, userId), eq(t.identities.appid, appid)))
    .orderBy(desc(t.identities.id))
    .limit(1);
  return row?.openid;
}

/** The subject's attempt that can still be paid. */
export async function openAttempt({ db, t }: Reader, subject: Subject): Promise<PaymentRow | undefined> {
  const [row] = await db
    .select()
    .from(t.payments)
    .where(eq(t.payments.openFor, openFor(subject)));
  return row;
}

/** All attempts to pay for the subject, the newest first. */
export function attempts({ db, t }: Reader, { kind, id }: Subject): Promise<PaymentRow[]> {
  return db
    .select()
    .from(t.payments)
    .where(and(eq(t.payments.subjectKind, kind), eq(t.payments.subjectId, id)))
    .orderBy(desc(t.payments.id));
}

export async function findPayment({ db, t }: Reader, id: number): Promise<PaymentRow | undefined> {
  const [row] = await db.select().from(t.payments).where(eq(t.payments.id, id));
  return row;
}

export async function findByOutTradeNo({ db, t }: Reader, no: string): Promise<PaymentRow | undefined> {
  const [row] = await db.select().from(t.payments).where(eq(t.payments.outTradeNo, no));
  return row;
}

/** Opens an attempt; nothing when the subject has an open one already. */
export async function insertPayment(
  { db, t }: Tx,
  { subject, ...payment }: NewPayment,
): Promise<PaymentRow | undefined> {
  const [row] = await db
    .insert(t.payments)
    .values({
      ...payment,
      outTradeNo: outTradeNo(payment.id),
      subjectKind: subject.kind,
      subjectId: subject.id,
      openFor: openFor(subject),
      state: "OPEN",
      updatedAt: payment.createdAt,
    })
    .onConflictDoNothing({ target: t.payments.openFor })
    .returning();
  return row;
}

/**
 * Keeps the prepay_id of an open attempt in place of `before`, the one that was known when WeChat was
 * asked. Nothing when the attempt was closed or prepared by somebody else meanwhile.
 */
export async function prepare(
  { db, t }: Tx,
  prepared: { id: number; before: string | null; prepayId: string; now: number; checkAt: number },
): Promise<PaymentRow | undefined> {
  const { id, before, prepayId, now, checkAt } = prepared;
  const [row] = await db
    .update(t.payments)
    .set({ prepayId, preparedAt: now, updatedAt: now, checkAt, checks: 0 })
    .where(
      and(
        eq(t.payments.id, id),
        eq(t.payments.state, "OPEN"),
        before === null ? isNull(t.payments.prepayId) : eq(t.payments.prepayId, before),
      ),
    )
    .returning();
  return row;
}

/** Marks the open attempts of these subjects as to be closed at WeChat; says how many there were. */
export async function beginClosing(
  { db, t }: Tx,
  { kind, ids, now }: { kind: Subject["kind"]; ids: readonly number[]; now: number },
): Promise<number> {
  if (ids.length === 0) return 0;
  const closing = await db
    .update(t.payments)
    .set({ state: "CLOSING", openFor: null, updatedAt: now, checkAt: now, checks: 0 })
    .where(
      inArray(
        t.payments.openFor,
        ids.map((id) => openFor({ kind, id })),
      ),
    )
    .returning({ id: t.payments.id });
  return closing.length;
}

/** The attempt can't be paid at WeChat any more. False when it was paid or closed before. */
export async function markClosed({ db, t }: Tx, id: number, now: number): Promise<boolean> {
  const closed = await db
    .update(t.payments)
    .set({ state: "CLOSED", openFor: null, updatedAt: now, checkAt: null })
    .where(and(eq(t.payments.id, id), inArray(t.payments.state, ["OPEN", "CLOSING"])))
    .returning({ id: t.payments.id });
  return closed.length > 0;
}

/** Marks an attempt as paid, one that counted as closed too. False when it was marked before. */
export async function markPaid(
  { db, t }: Tx,
  { id, transactionId, paidAt, now }: { id: number; transactionId: string; paidAt: number; now: number },
): Promise<boolean> {
  const paid = await db
    .update(t.payments)
    .set({ state: "PAID", openFor: null, transactionId, paidAt, updatedAt: now, checkAt: null })
    .where(and(eq(t.payments.id, id), inArray(t.payments.state, ["OPEN", "CLOSING", "CLOSED"])))
    .returning({ id: t.payments.id });
  return paid.length > 0;
}

export async function insertRefund({ db, t }: Tx, refund: NewRefund): Promise<void> {
  const { createdAt } = refund;
  await db.insert(t.refunds).values({
    ...refund,
    outRefundNo: outRefundNo(refund.id),
    state: "REQUESTED",
    updatedAt: createdAt,
  });
}

/** The newest refund of each of these payments. */
export async function refundsOf({ db, t }: Reader, paymentIds: readonly number[]): Promise<RefundRow[]> {
  if (paymentIds.length === 0) return [];
  return db
    .select()
    .from(t.refunds)
    .where(inArray(t.refunds.paymentId, [...paymentIds]))
    .orderBy(asc(t.refunds.id));
}

export async function findRefund({ db, t }: Reader, id: number): Promise<RefundRow | undefined> {
  const [row] = await db.select().from(t.refunds).where(eq(t.refunds.id, id));
  return row;
}

export async function findByOutRefundNo({ db, t }: Reader, no: string): Promise<RefundRow | undefined> {
  const [row] = await db.select().from(t.refunds).where(eq(t.refunds.outRefundNo, no));
  return row;
}

/** Moves a refund that is under way to another state. False when it came to its end before. */
export async function moveRefund(
  { db, t }: Tx,
  move: { id: number; state: RefundRow["state"]; refundId: string; now: number; checkAt: number | null },
): Promise<boolean> {
  const { id, state, refundId, now, checkAt } = move;
  const moved = await db
    .update(t.refunds)
    .set({ state, refundId: refundId || null, updatedAt: now, checkAt })
    .where(and(eq(t.refunds.id, id), inArray(t.refunds.state, ["REQUESTED", "PROCESSING", "ABNORMAL"])))
    .returning({ id: t.refunds.id });
  return moved.length > 0;
}

/** What is due to be asked about at WeChat. */
export type Check = { table: "payments" | "refunds"; id: number; checkAt: number; checks: number };

/** Up to `limit` of each that are due. */
export async function dueChecks({ db, t }: Reader, now: number, limit: number): Promise<Check[]> {
  const of = async (table: Check["table"]): Promise<Check[]> => {
    const { id, checkAt, checks } = t[table];
    const rows = await db
      .select({ id, checkAt, checks })
      .from(t[table])
      .where(lte(checkAt, now))
      .orderBy(asc(checkAt))
      .limit(limit);
    return rows.map((row) => ({ table, id: row.id, checkAt: row.checkAt ?? 0, checks: row.checks }));
  };
  return [...(await of("payments")), ...(await of("refunds"))];
}

/**
 * Takes a check over and sets when it is due again, should whoever took it not come to an end. False
 * when another process took it.
 */
export async function takeCheck({ db, t }: Tx, check: Check, nextAt: number): Promise<boolean> {
  const table = t[check.table];
  const taken = await db
    .update(table)
    .set({ checkAt: nextAt, checks: check.checks + 1 })
    .where(and(eq(table.id, check.id), eq(table.checkAt, check.checkAt)))
    .returning({ id: table.id });
  return taken.length > 0;
}

/** When the next check is due (unix ms); nothing when there is none. */
export async function nextCheckAt({ db, t }: Reader): Promise<number | undefined> {
  const earliest = async (table: Check["table"]) => {
    const [row] = await db
      .select({ at: min(t[table].checkAt) })
      .from(t[table])
      .where(isNotNull(t[table].checkAt));
    return row?.at ?? Number.POSITIVE_INFINITY;
  };
  const at = Math.min(await earliest("payments"), await earliest("refunds"));
  return Number.isFinite(at) ? at : undefined;
}
