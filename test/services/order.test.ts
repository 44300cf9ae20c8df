import { expect, test } from "vitest";
import type { Product } from "../../gen/liveuser/catalog_pb.ts";
import { OrderRecord_State as State } from "../../gen/liveuser/order_pb.ts";
import { movableClock, rejects, startApp } from "../app.ts";
import { databases } from "../databases.ts";

const tea = (count: number) => ({ productId: "tea", count });

for (const database of databases) {
  test(`an order has the catalogue's prices, whatever the client says (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const { order } = await alice.order.create({
      products: [
        { ...tea(2), price: 1, name: "cheap tea" },
        { productId: "cup", count: 1 },
      ],
    });
    expect(order).toMatchObject({
      uid: alice.uid,
      state: State.CREATED,
      amount: 17500,
      discount: 0,
      pay: 17500,
    });
    expect(order?.products).toMatchObject([
      { productId: "tea", name: "Longjing tea, 100 g", price: 6800, count: 2, orderId: order?.id },
      { productId: "cup", price: 3900, count: 1 },
    ]);
    expect(order?.products[0]?.productSnapshot).toBeGreaterThan(0n);
    expect(await alice.order.get({ id: order?.id })).toMatchObject({ order });
  });

  test(`a product that changes later leaves orders as they were (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const operator = await app.appWith("operator");
    const { order } = await alice.order.create({ products: [tea(1)] });
    const { product } = await operator.catalog.get({ productId: "tea" });
    await operator.catalog.set({ product: { ...(product as Product), price: 1, name: "Tea dust" } });
    expect(await alice.order.get({ id: order?.id })).toMatchObject({ order });
    const { product: then } = await alice.catalog.get({
      productId: "tea",
      productSnapshot: order?.products[0]?.productSnapshot,
    });
    expect(then?.price).toBe(6800);
    expect((await alice.order.create({ products: [tea(1)] })).order?.pay).toBe(1);
  });

  test(`the same key and products give the same order, also at once; other products are refused (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    const request = { products: [tea(1)], idempotencyKey: "k1" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.order.create(request)));
    expect(new Set(answers.map(({ order }) => order?.id)).size).toBe(1);
    expect((await alice.order.list({})).orders).toHaveLength(1);
    await rejects(alice.order.create({ ...request, products: [tea(2)] }), "IDEMPOTENCY_KEY_REUSED");
    const { order } = await bob.order.create({ ...request, products: [tea(2)] });
    expect(order?.id).not.toBe(answers[0]?.order?.id);
  });

  test(`orders come in pages, the newest first (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const bob = await app.signIn("bob");
    for (let i = 1; i <= 23; i++) await alice.order.create({ products: [tea(i)] });
    await bob.order.create({ products: [tea(50)] });
    const first = await alice.order.list({});
    expect(first.orders.map(({ products }) => products[0]?.count)).toEqual(
      Array.from({ length: 20 }, (_, i) => 23 - i),
    );
    const second = await alice.order.list({ cursor: first.cursor });
    expect(second.orders.map(({ products }) => products[0]?.count)).toEqual([3, 2, 1]);
    expect(second.cursor).toBe(0n);
    const exact = await alice.order.list({ limit: 23 });
    expect([exact.orders.length, exact.cursor]).toEqual([23, 0n]);
  });

  test(`an unpaid order can be cancelled once, and a cancelled one again without effect (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const { order } = await alice.order.create({ products: [tea(1)] });
    const first = await alice.order.cancel({ id: order?.id });
    expect(first.order?.state).toBe(State.CANCELLED);
    expect(await alice.order.cancel({ id: order?.id })).toMatchObject({ order: first.order });
    expect((await alice.order.list({ states: [State.CANCELLED] })).orders).toHaveLength(1);
    expect((await alice.order.list({ states: [State.CREATED] })).orders).toHaveLength(0);
  });

  test(`an order that is not paid in time is expired from that ms on (${database})`, async () => {
    const clock = movableClock();
    await using app = await startApp({ database, clock, environment: { ORDER_EXPIRE: "60" } });
    const alice = await app.signIn("alice");
    const { order } = await alice.order.create({ products: [tea(1)] });
    clock.pass(59_000);
    expect((await alice.order.get({ id: order?.id })).order?.state).toBe(State.CREATED);
    clock.pass(2_000);
    const { order: over } = await alice.order.get({ id: order?.id });
    expect(over).toMatchObject({ state: State.EXPIRED, updatedAt: order?.expiresAt });
    expect((await alice.order.list({ states: [State.EXPIRED] })).orders).toMatchObject([{ id: order?.id }]);
    expect((await alice.order.list({ states: [State.CREATED] })).orders).toEqual([]);
    const error = await rejects(alice.order.cancel({ id: order?.id }), "ORDER_STATE");
    expect(JSON.stringify(error.details)).toContain("EXPIRED");
  });

  test(`nobody sees or cancels another's order, the operator sees all (${database})`, async () => {
    await using app = await startApp({ database });
    const alice = await app.signIn("alice");
    const mallory = await app.signIn("mallory");
    const operator = await app.appWith("operator");
    const { order } = await alice.order.create({ products: [tea(1)] });
    await rejects(mallory.order.get({ id: order?.id }), "ORDER_NOT_FOUND");
    await rejects(mallory.order.cancel({ id: order?.id }), "ORDER_NOT_FOUND");
    expect((await mallory.order.list({})).orders).toEqual([]);
    await rejects(mallory.order.listAll({}), "ACCESS_DENIED");
    await rejects(operator.order.list({}), "ACCESS_DENIED");
    await mallory.order.create({ products: [tea(1)] });
    expect((await operator.order.listAll({})).orders).toHaveLength(2);
    expect((await operator.order.listAll({ uid: alice.uid })).orders).toMatchObject([{ id: order?.id }]);
    expect((await alice.order.get({ id: order?.id })).order?.state).toBe(State.CREATED);
  });
}

test("a state that does not exist is refused, not passed over", async () => {
  await using app = await startApp();
  const { token } = await app.signIn("alice");
  const { status, body } = await app.post("/liveuser/Order/List", { states: ["PAID", "BOGUS"] }, token);
  expect([status, body.message]).toEqual([
    400,
    expect.stringContaining("states[1]: expected one of CREATED, PAID"),
  ]);
  expect((await app.post("/liveuser/Order/List", { states: [0, "PAID"] }, token)).status).toBe(200);
  expect((await app.post("/liveuser/Order/List", { states: [9] }, token)).status).toBe(400);
});

test("what can't be ordered is refused with its reason and leaves nothing behind", async () => {
  await using app = await startApp();
  const alice = await app.signIn("alice");
  const operator = await app.appWith("operator");
  await operator.catalog.set({
    product: { productId: "gone", kind: 1, name: "Gone", price: 1, offSale: true },
  });
  await operator.catalog.set({ product: { productId: "gold", kind: 1, name: "Gold", price: 2_147_483_647 } });
  for (const productId of ["nothing", "gone", "glacier"]) {
    await rejects(alice.order.create({ products: [tea(1), { productId, count: 1 }] }), "PRODUCT_NOT_FOUND");
  }
  expect((await alice.order.create({ products: [{ productId: "gold", count: 1 }] })).order?.pay).toBe(
    2_147_483_647,
  );
  await rejects(
    alice.order.create({ products: [{ productId: "gold", count: 1 }, tea(1)] }),
    "AMOUNT_OVERFLOW",
  );
  await rejects(alice.order.create({ products: [] }), "INVALID_REQUEST");
  await rejects(alice.order.create({ products: [tea(0)] }), "INVALID_REQUEST");
  await rejects(alice.order.create({ products: [tea(-1)] }), "INVALID_REQUEST");
  await rejects(alice.order.list({ limit: 101 }), "INVALID_REQUEST");
  expect((await alice.order.list({})).orders).toHaveLength(1);
});
