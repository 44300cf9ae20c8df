import { asc, eq, gt } from "drizzle-orm";
import type { Reader, Tx } from "../../storage/store.ts";

/** A place in a cinema, the scene of its QR code and its device. */
export type SeatRow = Reader["t"]["seats"]["$inferSelect"];

function seatColumns(t: Reader["t"]) {
  const { sceneId, cinemaName, hallName, seatNumber, vrClientId } = t.seats;
  return { sceneId, cinemaName, hallName, seatNumber, vrClientId };
}

/** The seat that a scene stands for. */
export async function find({ db, t }: Reader, sceneId: number): Promise<SeatRow | undefined> {
  const [row] = await db.select(seatColumns(t)).from(t.seats).where(eq(t.seats.sceneId, sceneId));
  return row;
}

/** The seats by scene id, after the scene `after`. */
export function list({ db, t }: Reader, after: number, limit: number): Promise<SeatRow[]> {
  const { sceneId } = t.seats;
  return db.select(seatColumns(t)).from(t.seats).where(gt(sceneId, after)).orderBy(asc(sceneId)).limit(limit);
}

/** Says what a scene stands for. Fails when the device is another seat's. */
export async function put({ db, t }: Tx, { sceneId, ...seat }: SeatRow): Promise<void> {
  await db
    .insert(t.seats)
    .values({ sceneId, ...seat })
    .onConflictDoUpdate({ target: t.seats.sceneId, set: seat });
}

/** Adds those of the seats whose scene and device are both new. */
export async function add({ db, t }: Tx, seats: readonly SeatRow[]): Promise<void> {
  await db
    .insert(t.seats)
    .values([...seats])
    .onConflictDoNothing();
}
