import { and, asc, eq, gt, inArray, sql } from "drizzle-orm";
import { perCount, prepared, preparedWrite, type Reader, type Tx } from "../../storage/store.ts";

export type Kind = "PRODUCT" | "MOVIE";

/** A product as it is or was at a moment; `snapshot` names the moment. Price in fen, times in ms. */
export interface ProductRow {
  productId: string;
  kind: Kind;
  name: string;
  price: number;
  detail: string;
  snapshot: number;
  onSale: boolean;
  updatedAt: number;
}

const current = prepared((db, t) =>
  db
    .select(columns(t))
    .from(t.products)
    .where(eq(t.products.productId, sql.placeholder("productId"))),
);

const currentOfMany = perCount((count) =>
  prepared((db, t) =>
    db
      .select(columns(t))
      .from(t.products)
      .where(
        inArray(
          t.products.productId,
          Array.from({ length: count }, (_, i) => sql.placeholder(`${i}`)),
        ),
      ),
  ),
);

const insertSnapshot = preparedWrite((db, t) =>
  db.insert(t.productSnapshots).values({
    id: sql.placeholder("snapshot"),
    productId: sql.placeholder("productId"),
    kind: sql.placeholder("kind"),
    name: sql.placeholder("name"),
    price: sql.placeholder("price"),
    detail: sql.placeholder("detail"),
    createdAt: sql.placeholder("updatedAt"),
  }),
);

function columns(t: Reader["t"]) {
  const { productId, kind, name, price, detail, snapshot, onSale, updatedAt } = t.products;
  return { productId, kind, name, price, detail, snapshot, onSale, updatedAt };
}

/** The product as it is now. */
export async function find(reader: Reader, productId: string): Promise<ProductRow | undefined> {
  const [row] = await current(reader, { productId });
  return row;
}

/** Those of the products that exist, in no certain order; `productIds` has each once. */
export function findMany(reader: Reader, productIds: readonly string[]): Promise<ProductRow[]> {
  return currentOfMany(productIds.length)(reader, { ...productIds });
}

/** A product as one of its snapshots has it. */
export async function findSnapshot(
  { db, t }: Reader,
  productId: string,
  snapshot: number,
): Promise<Omit<ProductRow, "onSale"> | undefined> {
  const s = t.productSnapshots;
  const [row] = await db
    .select({
      productId: s.productId,
      kind: s.kind,
      name: s.name,
      price: s.price,
      detail: s.detail,
      snapshot: s.id,
      updatedAt: s.createdAt,
    })
    .from(s)
    .where(and(eq(s.id, snapshot), eq(s.productId, productId)));
  return row;
}

/** What is on sale, the oldest first, after the product with the number `after`; `id` is for the next cursor. */
export function list(
  { db, t }: Reader,
  { kind, after, limit }: { kind: Kind | undefined; after: number; limit: number },
): Promise<(ProductRow & { id: number })[]> {
  const p = t.products;
  return db
    .select({ ...columns(t), id: p.id })
    .from(p)
    .where(and(eq(p.onSale, true), gt(p.id, after), kind ? eq(p.kind, kind) : undefined))
    .orderBy(asc(p.id))
    .limit(limit);
}

/** Writes a snapshot and makes it the product's current one; a product that exists keeps its kind and number. */
export async function put(tx: Tx, product: ProductRow): Promise<void> {
  const { db, t } = tx;
  await insertSnapshot(tx, { ...product });
  const { productId, kind, name, price, detail, snapshot, onSale, updatedAt } = product;
  const values = { name, price, detail, snapshot, onSale, updatedAt };
  await db
    .insert(t.products)
    .values({ productId, id: snapshot, kind, ...values })
    .onConflictDoUpdate({ target: t.products.productId, set: values });
}
