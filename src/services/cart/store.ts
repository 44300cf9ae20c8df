import { eq, sql } from "drizzle-orm";
import { prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

const readCart = prepared((db, t) =>
  db
    .select({ movieIds: t.carts.movieIds })
    .from(t.carts)
    .where(eq(t.carts.userId, sql.placeholder("userId"))),
);

const touchCart = preparedWrite((db, t) =>
  db
    .insert(t.carts)
    .values({ userId: sql.placeholder("userId"), changedAt: sql.placeholder("now") })
    .onConflictDoUpdate({ target: t.carts.userId, set: { changedAt: sql`excluded.changed_at` } })
    .returning({ movieIds: t.carts.movieIds }),
);

const writeCart = preparedWrite((db, t) =>
  db
    .update(t.carts)
    .set({ movieIds: sql`${sql.placeholder("movieIds")}` })
    .where(eq(t.carts.userId, sql.placeholder("userId"))),
);

/** The movies in a person's cart, in their order. */
export async function find(reader: Reader, userId: number): Promise<string[]> {
  const [row] = await readCart(reader, { userId });
  return row ? JSON.parse(row.movieIds) : [];
}

/** The same for whoever is about to change it: until the transaction ends, nobody else does. */
export async function take(tx: Tx, userId: number, now: number): Promise<string[]> {
  const [row] = await touchCart(tx, { userId, now });
  return row ? JSON.parse(row.movieIds) : [];
}

/** Writes the cart that `take` gave. */
export async function put(tx: Tx, userId: number, movieIds: readonly string[]): Promise<void> {
  await writeCart(tx, { userId, movieIds: JSON.stringify(movieIds) });
}
