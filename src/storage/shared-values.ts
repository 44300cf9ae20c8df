import { and, eq, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Store } from "./store.ts";

const { placeholder } = sql;

/** Encrypts a value; the name is needed to read it again. */
interface Seal {
  seal(plain: Uint8Array, name: string): Uint8Array<ArrayBuffer>;
  open(sealed: Uint8Array, name: string): Uint8Array;
}

interface Options {
  store: Store;
  clock: { now(): number };
  seal: Seal;
}

const newest = prepared((db, t) =>
  db
    .select({
      version: t.sharedValues.version,
      sealed: t.sharedValues.sealed,
      expiresAt: t.sharedValues.expiresAt,
    })
    .from(t.sharedValues)
    .where(eq(t.sharedValues.name, placeholder("name"))),
);

const takeLease = preparedWrite((db, t) =>
  db
    .insert(t.sharedValues)
    .values({
      name: placeholder("name"),
      leaseHolder: placeholder("holder"),
      leaseUntil: placeholder("until"),
    })
    .onConflictDoUpdate({
      target: t.sharedValues.name,
      set: { leaseHolder: sql`excluded.lease_holder`, leaseUntil: sql`excluded.lease_until` },
      setWhere: sql`${t.sharedValues.leaseUntil} <= ${placeholder("now")}`,
    })
    .returning({ name: t.sharedValues.name }),
);

const writeNext = preparedWrite((db, t) =>
  db
    .update(t.sharedValues)
    .set({
      version: sql`${t.sharedValues.version} + 1`,
      sealed: sql`${placeholder("sealed")}`,
      expiresAt: sql`${placeholder("expiresAt")}`,
      leaseHolder: null,
      leaseUntil: 0,
    })
    .where(
      and(
        eq(t.sharedValues.name, placeholder("name")),
        eq(t.sharedValues.version, placeholder("version")),
        eq(t.sharedValues.leaseHolder, placeholder("holder")),
      ),
    )
    .returning({ name: t.sharedValues.name }),
);

const endLease = preparedWrite((db, t) =>
  db
    .update(t.sharedValues)
    .set({ leaseHolder: null, leaseUntil: 0 })
    .where(
      and(
        eq(t.sharedValues.name, placeholder("name")),
        eq(t.sharedValues.leaseHolder, placeholder("holder")),
      ),
    ),
);

/**
 * Values that all servers on the database share and one of them renews, such as WeChat's access tokens.
 * They are sealed. Leases go by the servers' clocks.
 */
export function sharedValues({ store, clock, seal }: Options) {
  return {
    /** The newest value with its end (unix ms); undefined before the first. @throws Error when the seal is broken. */
    async read(name: string): Promise<{ value: string; expiresAt: number; version: number } | undefined> {
      const [row] = await newest(store.read, { name });
      if (!row?.sealed) return undefined;
      const value = Buffer.from(seal.open(row.sealed, name)).toString("utf8");
      return { value, expiresAt: row.expiresAt, version: row.version };
    },

    /** Takes the right to renew for `ms`. False while somebody has it, the same holder included. */
    async lease(name: string, holder: string, ms: number): Promise<boolean> {
      const now = clock.now();
      const rows = await store.tx((tx) => takeLease(tx, { name, holder, until: now + ms, now }));
      return rows.length > 0;
    },

    /**
     * Writes the value that follows `version` (0 before the first) and gives the lease back. False, and
     * nothing written, when another value came meanwhile or another holder took the lease.
     */
    async write(
      name: string,
      holder: string,
      { value, expiresAt, version }: { value: string; expiresAt: number; version: number },
    ): Promise<boolean> {
      const sealed = seal.seal(Buffer.from(value), name);
      const rows = await store.tx((tx) => writeNext(tx, { name, holder, version, sealed, expiresAt }));
      return rows.length > 0;
    },

    /** Gives the lease back without a new value. */
    async release(name: string, holder: string): Promise<void> {
      await store.tx((tx) => endLease(tx, { name, holder }));
    },
  };
}
