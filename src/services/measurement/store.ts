import { and, count, desc, eq, gt, gte, isNull, lt, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

/** A measurement without its wave. Price in fen, times in unix ms. */
export interface MeasurementRow {
  id: number;
  userId: number;
  /** Hz. */
  sampleRate: number;
  sampleCount: number;
  remark: string;
  price: number;
  paidAt: number | null;
  createdAt: number;
}

/** The same with its wave, as packing.ts packs it. */
export interface WaveRow extends MeasurementRow {
  packed: Uint8Array;
}

export interface NewMeasurement extends Omit<WaveRow, "paidAt"> {
  idempotencyKey: string | null;
  requestHash: Uint8Array | null;
}

function columns(t: Reader["t"]) {
  const { id, userId, sampleRate, sampleCount, remark, price, paidAt, createdAt } = t.measurements;
  return { id, userId, sampleRate, sampleCount, remark, price, paidAt, createdAt };
}

function isOwned(t: Reader["t"], { id, userId }: Pick<MeasurementRow, "id" | "userId">) {
  return and(eq(t.measurements.id, id), eq(t.measurements.userId, userId));
}

const insertOne = preparedWrite((db, t) =>
  db
    .insert(t.measurements)
    .values({
      id: sql.placeholder("id"),
      userId: sql.placeholder("userId"),
      sampleRate: sql.placeholder("sampleRate"),
      sampleCount: sql.placeholder("sampleCount"),
      remark: sql.placeholder("remark"),
      price: sql.placeholder("price"),
      createdAt: sql.placeholder("createdAt"),
      idempotencyKey: sql.placeholder("idempotencyKey"),
      requestHash: sql.placeholder("requestHash"),
      packed: sql.placeholder("packed"),
    })
    .onConflictDoNothing({ target: [t.measurements.userId, t.measurements.idempotencyKey] })
    .returning(columns(t)),
);

const waveById = prepared((db, t) =>
  db
    .select({ ...columns(t), packed: t.measurements.packed })
    .from(t.measurements)
    .where(eq(t.measurements.id, sql.placeholder("id"))),
);

/** Keeps a measurement that nobody paid for yet; nothing when the person has one with this key already. */
export async function insert(tx: Tx, measurement: NewMeasurement): Promise<MeasurementRow | undefined> {
  const [row] = await insertOne(tx, { ...measurement });
  return row;
}

/** The person's measurement that was made with this idempotency key, and the hash of its request. */
export async function findByKey(
  { db, t }: Reader,
  userId: number,
  idempotencyKey: string,
): Promise<(MeasurementRow & { requestHash: Uint8Array | null }) | undefined> {
  const m = t.measurements;
  const [row] = await db
    .select({ ...columns(t), requestHash: m.requestHash })
    .from(m)
    .where(and(eq(m.userId, userId), eq(m.idempotencyKey, idempotencyKey)));
  return row;
}

/** How many measurements the person has. */
export async function countOf({ db, t }: Reader, userId: number): Promise<number> {
  const [row] = await db
    .select({ count: count() })
    .from(t.measurements)
    .where(eq(t.measurements.userId, userId));
  return row?.count ?? 0;
}

/** The measurement without its wave, whosever it is. */
export async function find({ db, t }: Reader, id: number): Promise<MeasurementRow | undefined> {
  const [row] = await db.select(columns(t)).from(t.measurements).where(eq(t.measurements.id, id));
  return row;
}

/** The measurement with its wave, whosever it is. */
export async function findWave(reader: Reader, id: number): Promise<WaveRow | undefined> {
  const [row] = await waveById(reader, { id });
  return row;
}

export interface ListFilter {
  userId: number;
  /** Only those with a smaller id. */
  before: number;
  /** Only those made in this time: not before `from`, before `to` (unix ms). */
  from: number;
  to: number;
  limit: number;
}

/** The person's measurements, the newest first. */
export function list(
  { db, t }: Reader,
  { userId, before, from, to, limit }: ListFilter,
): Promise<MeasurementRow[]> {
  const m = t.measurements;
  return db
    .select(columns(t))
    .from(m)
    .where(and(eq(m.userId, userId), lt(m.id, before), gte(m.createdAt, from), lt(m.createdAt, to)))
    .orderBy(desc(m.id))
    .limit(limit);
}

/** Writes the remark of the person's measurement; nothing when there is none. */
export async function setRemark(
  { db, t }: Tx,
  { remark, ...which }: Pick<MeasurementRow, "id" | "userId" | "remark">,
): Promise<MeasurementRow | undefined> {
  const [row] = await db
    .update(t.measurements)
    .set({ remark })
    .where(isOwned(t, which))
    .returning(columns(t));
  return row;
}

/** Marks a measurement as paid at `at` (unix ms); nothing when it is paid already or gone. */
export async function pay({ db, t }: Tx, id: number, at: number): Promise<MeasurementRow | undefined> {
  const [row] = await db
    .update(t.measurements)
    .set({ paidAt: at })
    .where(and(eq(t.measurements.id, id), isNull(t.measurements.paidAt)))
    .returning(columns(t));
  return row;
}

/** The person's newest measurement that has a price and was not paid. */
export async function newestUnpaid({ db, t }: Reader, userId: number): Promise<number | undefined> {
  const m = t.measurements;
  const [row] = await db
    .select({ id: m.id })
    .from(m)
    .where(and(eq(m.userId, userId), isNull(m.paidAt), gt(m.price, 0)))
    .orderBy(desc(m.id))
    .limit(1);
  return row?.id;
}

/** Deletes the person's measurement; false when there is none. */
export async function remove({ db, t }: Tx, which: Pick<MeasurementRow, "id" | "userId">): Promise<boolean> {
  const gone = await db.delete(t.measurements).where(isOwned(t, which)).returning({ id: t.measurements.id });
  return gone.length > 0;
}
