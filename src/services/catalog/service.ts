import { Catalog, type Product, Product_Kind } from "../../../gen/liveuser/catalog_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import { service } from "../../rpc/service.ts";
import { pageOf, pageSize } from "../page.ts";
import * as products from "./store.ts";

/** What can be ordered: products and movies. */
export function catalogService({ store, clock, ids }: Pick<App, "store" | "clock" | "ids">) {
  return service(Catalog, {
    async set({ product }) {
      const wanted = product as Product; // required by its rule
      requireJson("product.detail", wanted.detail);
      const row = {
        productId: wanted.productId,
        kind: toKind(wanted.kind),
        name: wanted.name,
        price: wanted.price,
        detail: wanted.detail,
        onSale: !wanted.offSale,
      };
      return store.tx(async (tx) => {
        const before = await products.find(tx, row.productId);
        if (before && before.kind !== row.kind) {
          throw invalid({ field: "product.kind", description: `it is a ${before.kind} and stays one` });
        }
        const written = { ...row, snapshot: ids.next(), updatedAt: clock.now() };
        await products.put(tx, written);
        return { product: toProduct(written) };
      });
    },

    async get({ productId, productSnapshot }) {
      const row = productSnapshot
        ? await products.findSnapshot(store.read, productId, Number(productSnapshot))
        : await products.find(store.read, productId);
      if (!row) throw new AppError("PRODUCT_NOT_FOUND", { product_id: productId });
      return { product: toProduct(row) };
    },

    async list({ kind, cursor, limit }) {
      const size = pageSize(limit);
      const rows = await products.list(store.read, {
        kind: kind === Product_Kind.KIND_UNSPECIFIED ? undefined : toKind(kind),
        after: Number(cursor),
        limit: size + 1,
      });
      const page = pageOf(rows, size);
      return { products: page.rows.map(toProduct), cursor: page.cursor };
    },
  });
}

function toProduct(row: Omit<products.ProductRow, "onSale"> & { onSale?: boolean }) {
  return {
    productId: row.productId,
    kind: Product_Kind[row.kind],
    name: row.name,
    price: row.price,
    productSnapshot: BigInt(row.snapshot),
    detail: row.detail,
    offSale: row.onSale === false,
    updatedAt: BigInt(row.updatedAt),
  };
}

function toKind(kind: Product["kind"]): products.Kind {
  return kind === Product_Kind.MOVIE ? "MOVIE" : "PRODUCT";
}

function requireJson(field: string, text: string): void {
  if (text === "") return;
  try {
    JSON.parse(text);
  } catch {
    throw invalid({ field, description: "must be JSON" });
  }
}
