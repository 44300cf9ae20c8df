import type { App } from "../../app.ts";
import * as products from "./store.ts";

const samples: [productId: string, kind: products.Kind, name: string, price: number, detail: string][] = [
  ["tea", "PRODUCT", "Longjing tea, 100 g", 6800, '{"origin":"Hangzhou"}'],
  ["cup", "PRODUCT", "Porcelain cup", 3900, '{"ml":180}'],
  ["umbrella", "PRODUCT", "Folding umbrella", 5900, '{"color":"green"}'],
  ["notebook", "PRODUCT", "Notebook, dotted", 1800, '{"pages":160}'],
  ["lamp", "PRODUCT", "Reading lamp", 12900, '{"watt":5}'],
  ["sticker", "PRODUCT", "Sticker", 1, "{}"],
  ["deep-sea", "MOVIE", "Down to the Deep Sea", 2500, '{"minutes":12}'],
  ["glacier", "MOVIE", "Over the Glacier", 3000, '{"minutes":15}'],
  ["orbit", "MOVIE", "One Orbit", 3500, '{"minutes":18}'],
  ["old-town", "MOVIE", "A Night in the Old Town", 2000, '{"minutes":10}'],
  ["beehive", "MOVIE", "Inside the Beehive", 1500, '{"minutes":8}'],
  ["rally", "MOVIE", "Desert Rally", 4000, '{"minutes":20}'],
];

/** Puts the sandbox's six products and six movies on sale, where they are missing. */
export async function seedCatalog({
  store,
  clock,
  ids,
}: Pick<App, "store" | "clock" | "ids">): Promise<void> {
  const known = await products.findMany(
    store.read,
    samples.map(([productId]) => productId),
  );
  if (known.length === samples.length) return;
  await store.tx(async (tx) => {
    for (const [productId, kind, name, price, detail] of samples) {
      if (known.some((product) => product.productId === productId)) continue;
      await products.put(tx, {
        productId,
        kind,
        name,
        price,
        detail,
        snapshot: ids.next(),
        onSale: true,
        updatedAt: clock.now(),
      });
    }
  });
}
