import { Order, type OrderProduct, OrderRecord_State } from "../../../gen/liveuser/order_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Payments } from "../../payments/payments.ts";
import { service } from "../../rpc/service.ts";
import type { Reader, Tx } from "../../storage/store.ts";
import * as products from "../catalog/store.ts";
import { type Key, keyOf, once } from "../idempotency.ts";
import { pageOf, pageSize } from "../page.ts";
import * as orders from "./store.ts";

const int32Max = 2 ** 31 - 1;

interface Wanted {
  wanted: readonly OrderProduct[];
  userId: number;
  key: Key | undefined;
}

/** Buying products. The server alone says what they cost. */
export function orderService(
  { store, clock, ids, settings }: Pick<App, "store" | "clock" | "ids" | "settings">,
  payments: Pick<Payments, "close" | "refund" | "send" | "wake">,
) {
  /** The lines that were asked for, with name, price, snapshot and detail from the catalogue. */
  async function priced(
    reader: Reader,
    orderId: number,
    wanted: readonly OrderProduct[],
  ): Promise<orders.LineRow[]> {
    const found = await products.findMany(reader, [...new Set(wanted.map((line) => line.productId))]);
    const byId = new Map(found.map((product) => [product.productId, product]));
    return wanted.map(({ productId, count }, position) => {
      const product = byId.get(productId);
      if (!product?.onSale || product.kind !== "PRODUCT") {
        throw new AppError("PRODUCT_NOT_FOUND", { product_id: productId });
      }
      const { name, price, detail, snapshot: productSnapshot } = product;
      return { orderId, position, productId, name, price, count, productSnapshot, detail };
    });
  }

  /** Makes an order; nothing when the person has one with this key already. */
  async function make(tx: Tx, { wanted, userId, key }: Wanted) {
    const now = clock.now();
    const id = ids.next();
    const lines = await priced(tx, id, wanted);
    const amount = lines.reduce((sum, { price, count }) => sum + price * count, 0);
    if (amount > int32Max) throw new AppError("AMOUNT_OVERFLOW");
    // What costs nothing is paid as it is ordered: WeChat Pay takes no payment of 0.
    const free = amount === 0;
    const order = {
      id,
      userId,
      state: free ? orders.PAID : orders.CREATED,
      payAt: free ? now : null,
      amount,
      discount: 0,
      pay: amount,
      createdAt: now,
      expiresAt: now + settings.ORDER_EXPIRE * 1000,
    };
    const inserted = await orders.insert(
      tx,
      { ...order, idempotencyKey: key?.text ?? null, requestHash: key?.hash ?? null },
      lines,
    );
    return inserted ? toRecord({ ...order, updatedAt: now, deletedAt: null }, lines, now) : undefined;
  }

  async function withLines(reader: Reader, rows: readonly orders.OrderRow[]) {
    const lines = await orders.linesOf(
      reader,
      rows.map((row) => row.id),
    );
    const byOrder = Map.groupBy(lines, (line) => line.orderId);
    return rows.map((row) => toRecord(row, byOrder.get(row.id) ?? [], clock.now()));
  }

  async function owned(reader: Reader, id: bigint, userId: number): Promise<orders.OrderRow> {
    const row = await orders.find(reader, Number(id));
    if (row?.userId !== userId) throw new AppError("ORDER_NOT_FOUND", { id: `${id}` });
    return row;
  }

  /** The order, if it is in one of these states by now. */
  async function expected(reader: Reader, row: orders.OrderRow, states: readonly OrderRecord_State[]) {
    const [order] = await withLines(reader, [row]);
    if (!order || !states.includes(order.state)) {
      throw new AppError("ORDER_STATE", { state: stateName(order?.state) });
    }
    return { order };
  }

  async function page(filter: Omit<orders.ListFilter, "before" | "now">, cursor: bigint) {
    const rows = await orders.list(store.read, {
      ...filter,
      limit: filter.limit + 1,
      before: Number(cursor) || Number.MAX_SAFE_INTEGER,
      now: clock.now(),
    });
    const cut = pageOf(rows, filter.limit);
    return { orders: await withLines(store.read, cut.rows), cursor: cut.cursor };
  }

  return service(Order, {
    async create({ products: wanted, idempotencyKey }, call) {
      const userId = call.user.uid;
      const key = keyOf(idempotencyKey, contentOf(wanted));
      const order = await store.tx((tx) =>
        once(key, {
          find: (text) => orders.findByKey(tx, userId, text),
          async again(row) {
            const [before] = await withLines(tx, [row]);
            return before;
          },
          make: () => make(tx, { wanted, userId, key }),
        }),
      );
      return { order };
    },

    async list({ cursor, limit, states }, call) {
      return page({ userId: call.user.uid, states, limit: pageSize(limit) }, cursor);
    },

    async get({ id }, call) {
      const row = await owned(store.read, id, call.user.uid);
      const [order] = await withLines(store.read, [row]);
      return { order };
    },

    async cancel({ id }, call) {
      const userId = call.user.uid;
      const cancelled = await store.tx(async (tx) => {
        const now = clock.now();
        const changed = await orders.cancel(tx, { id: Number(id), userId, now });
        if (changed) await payments.close(tx, "order", [Number(id)]);
        return expected(tx, changed ?? (await owned(tx, id, userId)), [OrderRecord_State.CANCELLED]);
      });
      payments.wake();
      return cancelled;
    },

    async refund({ id, reason }, call) {
      const userId = call.user.uid;
      const refund = await store.tx(async (tx) => {
        const row = await owned(tx, id, userId);
        const now = clock.now();
        const moved = await orders.move(tx, {
          id: row.id,
          from: orders.PAID,
          // Nothing was paid for what costs nothing.
          to: row.pay === 0 ? orders.REFUNDED : orders.REFUNDING,
          now,
        });
        if (moved?.state !== orders.REFUNDING) return undefined;
        return payments.refund(tx, { kind: "order", id: row.id }, reason);
      });
      if (refund !== undefined) await payments.send(refund, call.signal);
      const row = await owned(store.read, id, userId);
      return expected(store.read, row, [OrderRecord_State.REFUNDING, OrderRecord_State.REFUNDED]);
    },

    async listAll({ cursor, limit, states, uid }) {
      return page({ userId: uid ? Number(uid) : undefined, states, limit: pageSize(limit) }, cursor);
    },
  });
}

/** What makes two requests the same: the products and counts, in their order. */
function contentOf(wanted: readonly OrderProduct[]): string {
  return JSON.stringify(wanted.map(({ productId, count }) => [productId, count]));
}

/** The contract's name of a state. */
export function stateName(state: number | undefined): string {
  return Object.entries(OrderRecord_State).find(([, value]) => value === state)?.[0] ?? "";
}

/** An order as the contract has it. One whose time is over is shown as expired before the sweep has written that. */
function toRecord(row: orders.OrderRow, lines: readonly orders.LineRow[], now: number) {
  const overdue = row.state === orders.CREATED && row.expiresAt <= now;
  return {
    id: BigInt(row.id),
    uid: `${row.userId}`,
    state: (overdue ? orders.EXPIRED : row.state) as OrderRecord_State,
    amount: row.amount,
    discount: row.discount,
    pay: row.pay,
    payAt: BigInt(row.payAt ?? 0),
    products: lines.map((line) => ({
      orderId: BigInt(line.orderId),
      productId: line.productId,
      name: line.name,
      price: line.price,
      count: line.count,
      productSnapshot: BigInt(line.productSnapshot),
      detail: line.detail,
    })),
    createdAt: BigInt(row.createdAt),
    updatedAt: BigInt(overdue ? row.expiresAt : row.updatedAt),
    deletedAt: BigInt(row.deletedAt ?? 0),
    expiresAt: BigInt(row.expiresAt),
  };
}
