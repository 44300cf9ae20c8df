import { asc, count, eq, isNull, lt, sql } from "drizzle-orm";
import { prepared, type Reader, type Tx } from "../storage/store.ts";

const { placeholder } = sql;

export async function insertSecret(
  { db, t }: Tx,
  secret: { name: string; sealed: Uint8Array<ArrayBuffer>; createdAt: number },
): Promise<void> {
  await db
    .insert(t.secrets)
    .values({ name: secret.name, sealed: secret.sealed, createdAt: secret.createdAt })
    .onConflictDoNothing();
}

export async function secretByName({ db, t }: Reader, name: string): Promise<Uint8Array | undefined> {
  const [row] = await db.select({ sealed: t.secrets.sealed }).from(t.secrets).where(eq(t.secrets.name, name));
  return row?.sealed;
}

export interface KeyRow {
  kid: string;
  alg: string;
  publicJwk: string;
  privateSealed: Uint8Array<ArrayBuffer>;
  createdAt: number;
  activeFrom: number;
}

export async function insertKey({ db, t }: Tx, key: KeyRow): Promise<void> {
  await db.insert(t.signingKeys).values({
    kid: key.kid,
    alg: key.alg,
    publicJwk: key.publicJwk,
    privateSealed: key.privateSealed,
    createdAt: key.createdAt,
    activeFrom: key.activeFrom,
  });
}

export async function countKeys({ db, t }: Reader): Promise<number> {
  const [row] = await db.select({ count: count() }).from(t.signingKeys);
  return row?.count ?? 0;
}

/** All keys that the key set still shows, the oldest first. */
export const keysInUse = prepared((db, t) =>
  db
    .select({
      kid: t.signingKeys.kid,
      alg: t.signingKeys.alg,
      privateSealed: t.signingKeys.privateSealed,
      createdAt: t.signingKeys.createdAt,
      activeFrom: t.signingKeys.activeFrom,
      retireAt: t.signingKeys.retireAt,
      removeAt: t.signingKeys.removeAt,
    })
    .from(t.signingKeys)
    .where(sql`${t.signingKeys.removeAt} is null or ${t.signingKeys.removeAt} > ${placeholder("now")}`)
    .orderBy(asc(t.signingKeys.activeFrom), asc(t.signingKeys.kid)),
);

/** Sets when the keys that sign today stop, and when they leave the key set. */
export async function retireKeys(
  { db, t }: Tx,
  { retireAt, removeAt }: { retireAt: number; removeAt: number },
): Promise<void> {
  await db.update(t.signingKeys).set({ retireAt, removeAt }).where(isNull(t.signingKeys.retireAt));
}

export async function deleteKeysRemovedBefore({ db, t }: Tx, time: number): Promise<void> {
  await db.delete(t.signingKeys).where(lt(t.signingKeys.removeAt, time));
}
