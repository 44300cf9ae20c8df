import { and, asc, count, eq, inArray } from "drizzle-orm";
import type { App } from "../app.ts";
import { AppError } from "../errors.ts";
import type { Reader, Tx } from "../storage/store.ts";
import { lockPerson } from "./user/store.ts";

/** How many an openid may have. */
const most = 50;

/** A phone line or device bound to an openid; times in ms. */
export interface BindingRow {
  id: number;
  userId: number;
  openid: string;
  deviceNo: string;
  deviceName: string;
  operators: string;
  qcellcore: string;
  boundAt: number;
  changedAt: number;
}

export interface NewBinding
  extends Pick<BindingRow, "userId" | "openid" | "deviceNo" | "operators" | "qcellcore"> {
  /** Empty where the number's form is to tell. */
  deviceName: string;
  /** As a partner reported them. */
  channel: string;
  source: string;
}

function columns({ bindings: b }: Reader["t"]) {
  return {
    id: b.id,
    userId: b.userId,
    openid: b.openid,
    deviceNo: b.deviceNo,
    deviceName: b.deviceName,
    operators: b.operators,
    qcellcore: b.qcellcore,
    boundAt: b.boundAt,
    changedAt: b.changedAt,
  };
}

/** What is bound to any of the openids, in the order in which it was bound. */
export async function bindingsOf({ db, t }: Reader, openids: readonly string[]): Promise<BindingRow[]> {
  const b = t.bindings;
  return db
    .select(columns(t))
    .from(b)
    .where(inArray(b.openid, [...openids]))
    .orderBy(asc(b.id));
}

export async function findBinding({ db, t }: Reader, id: number): Promise<BindingRow | undefined> {
  const [row] = await db.select(columns(t)).from(t.bindings).where(eq(t.bindings.id, id));
  return row;
}

/**
 * Binds a line or device; nothing if the openid has it already.
 * @throws AppError BINDINGS_FULL
 */
export async function addBinding(
  { clock, ids }: Pick<App, "clock" | "ids">,
  tx: Tx,
  binding: NewBinding,
): Promise<BindingRow | undefined> {
  const { db, t } = tx;
  const b = t.bindings;
  const { userId, openid, deviceNo, operators, qcellcore, channel, source } = binding;
  await lockPerson(tx, userId);
  const [before] = await db.select({ total: count() }).from(b).where(eq(b.openid, openid));
  const now = clock.now();
  const [added] = await db
    .insert(b)
    .values({
      id: ids.next(),
      userId,
      openid,
      deviceNo,
      deviceName: binding.deviceName || kindOf(deviceNo),
      operators,
      qcellcore,
      channel,
      source,
      boundAt: now,
      changedAt: now,
    })
    .onConflictDoNothing({ target: [b.openid, b.deviceNo] })
    .returning(columns(t));
  if (added && (before?.total ?? 0) >= most) throw new AppError("BINDINGS_FULL", { most: `${most}` });
  return added;
}

/** Notes what was said of a line or device that is bound; what is empty stays as it was. */
export async function refreshBinding(
  { clock }: Pick<App, "clock">,
  { db, t }: Tx,
  { openid, deviceNo, deviceName, operators, qcellcore, channel, source }: Omit<NewBinding, "userId">,
): Promise<void> {
  const b = t.bindings;
  const said = Object.entries({ deviceName, operators, qcellcore, channel, source });
  await db
    .update(b)
    .set({ ...Object.fromEntries(said.filter(([, value]) => value !== "")), changedAt: clock.now() })
    .where(and(eq(b.openid, openid), eq(b.deviceNo, deviceNo)));
}

/** False if there is no such binding any more. */
export async function removeBinding({ db, t }: Tx, id: number): Promise<boolean> {
  const removed = await db.delete(t.bindings).where(eq(t.bindings.id, id)).returning({ id: t.bindings.id });
  return removed.length > 0;
}

/** A binding as the contract has it. The customer's number is its id: so it is never given twice. */
export function toBinding({ id, openid, deviceNo, deviceName, operators, qcellcore, boundAt }: BindingRow) {
  return {
    id: BigInt(id),
    openId: openid,
    deviceNo,
    deviceName,
    operators,
    qcellcore,
    bpn: `${id}`,
    boundAt: BigInt(boundAt),
  };
}

/** What a number of China's is the number of: mobile phones have 11 digits, lines 7 or 8 behind their area's code. */
function kindOf(deviceNo: string): string {
  if (/^(?:\+?86)?1[3-9]\d{9}$/.test(deviceNo)) return "mobile";
  return /^(?:0\d{2,3}-?)?[2-9]\d{6,7}$/.test(deviceNo) ? "landline" : "device";
}
