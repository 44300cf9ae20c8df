import { expect, test } from "vitest";
import { Product_Kind as Kind, type Product } from "../../gen/liveuser/catalog_pb.ts";
import { rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";

for (const database of databases) {
  test(`each Set writes a snapshot of its own, and the old ones stay (${database})`, async () => {
    await using app = await startApp({ database });
    const operator = await app.appWith("operator");
    const pen = { productId: "pen", kind: Kind.PRODUCT, name: "Pen", price: 500, detail: '{"ink":"blue"}' };
    const { product: first } = await operator.catalog.set({ product: pen });
    const { product: second } = await operator.catalog.set({ product: { ...pen, price: 600 } });
    expect(second?.productSnapshot).toBeGreaterThan(first?.productSnapshot ?? 0n);
    const { product: now } = await app.as().catalog.get({ productId: "pen" });
    expect(now).toMatchObject({ ...pen, price: 600, productSnapshot: second?.productSnapshot });
    const { product: then } = await app
      .as()
      .catalog.get({ productId: "pen", productSnapshot: first?.productSnapshot });
    expect(then).toMatchObject({ ...pen, price: 500, updatedAt: first?.updatedAt });
    await rejects(
      app.as().catalog.get({ productId: "tea", productSnapshot: first?.productSnapshot }),
      "PRODUCT_NOT_FOUND",
    );
  });

  test(`the list has what is on sale, by kind and in pages (${database})`, async () => {
    await using app = await startApp({ database });
    const anyone = app.as();
    const { products, cursor } = await anyone.catalog.list({ kind: Kind.MOVIE });
    expect([products.length, cursor]).toEqual([6, 0n]);
    expect(products.every(({ kind }) => kind === Kind.MOVIE)).toBe(true);
    const seen = [];
    let next = 0n;
    do {
      const page = await anyone.catalog.list({ cursor: next, limit: 5 });
      seen.push(...page.products.map(({ productId }) => productId));
      next = page.cursor;
    } while (next !== 0n);
    expect([seen.length, new Set(seen).size]).toEqual([12, 12]);

    const operator = await app.appWith("operator");
    const { product } = await operator.catalog.get({ productId: "orbit" });
    await operator.catalog.set({ product: { ...(product as Product), offSale: true } });
    const movies = (await anyone.catalog.list({ kind: Kind.MOVIE })).products;
    expect(movies.map(({ productId }) => productId)).not.toContain("orbit");
    expect((await anyone.catalog.get({ productId: "orbit" })).product?.offSale).toBe(true);
  });
}

test("only the operator sets products, and only proper ones", async () => {
  await using app = await startApp();
  const pen = { productId: "pen", kind: Kind.PRODUCT, name: "Pen", price: 500 };
  const alice = await app.signIn("alice");
  await rejects(app.as().catalog.set({ product: pen }), "TOKEN_MISSING");
  await rejects(alice.catalog.set({ product: pen }), "ACCESS_DENIED");
  await rejects((await app.appWith("service")).catalog.set({ product: pen }), "ACCESS_DENIED");
  const { catalog } = await app.appWith("operator");
  const wrong = [
    { ...pen, productId: "" },
    { ...pen, productId: "../pen" },
    { ...pen, kind: Kind.KIND_UNSPECIFIED },
    { ...pen, price: -1 },
    { ...pen, name: "" },
    { ...pen, detail: "{" },
  ];
  for (const product of wrong) await rejects(catalog.set({ product }), "INVALID_REQUEST");
  await rejects(catalog.set({}), "INVALID_REQUEST");
  await rejects(catalog.set({ product: { ...pen, productId: "tea", kind: Kind.MOVIE } }), "INVALID_REQUEST");
  await rejects(catalog.get({ productId: "pen" }), "PRODUCT_NOT_FOUND");
});
