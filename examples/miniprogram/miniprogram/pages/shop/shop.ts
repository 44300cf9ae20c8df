import { Product_Kind } from "liveuser-client";
import { act } from "../../lib/act";
import { int64 } from "../../lib/int64";
import { nextOf, readFirst, readNext, unread } from "../../lib/list";
import { yuan } from "../../lib/money";
import { orderAnswered, orderKey } from "../../lib/order-key";
import { payThenOpen } from "../../lib/pay";
import { catalog, orders } from "../../lib/session";
import type { Goods } from "../../lib/views";
import { goodsView } from "../../lib/views";

Page({
  data: {
    ...unread<Goods>(),
    /** How many of each product are in the basket. */
    counts: {} as Record<string, number>,
    chosen: 0,
    total: "",
    busy: false,
  },

  async onLoad() {
    await this.reload();
  },

  async onPullDownRefresh() {
    await this.reload();
    wx.stopPullDownRefresh();
  },

  async onReachBottom() {
    await readNext(this, readGoods);
  },

  async reload() {
    await readFirst(this, readGoods);
    this.setCounts(this.data.counts);
  },

  choose({ currentTarget, detail }: WechatMiniprogram.CustomEvent<{ value: number }>) {
    this.setCounts({ ...this.data.counts, [currentTarget.dataset.id]: detail.value });
  },

  /** Fills the basket; what is not in the list, or not any more, is left out. */
  setCounts(wanted: Record<string, number>) {
    const lines = this.data.items.map(({ id, fen }) => ({ id, fen, count: wanted[id] ?? 0 }));
    this.setData({
      counts: Object.fromEntries(lines.map(({ id, count }) => [id, count])),
      chosen: lines.reduce((sum, { count }) => sum + count, 0),
      total: yuan(lines.reduce((sum, { fen, count }) => sum + fen * count, 0)),
    });
  },

  async order() {
    await act(this, async () => {
      const products = Object.entries(this.data.counts)
        .filter(([, count]) => count > 0)
        .map(([productId, count]) => ({ productId, count }));
      const idempotencyKey = await orderKey(JSON.stringify(products));
      const { order } = await orders.create({ products, idempotencyKey });
      orderAnswered();
      this.setCounts({});
      if (!order) return;
      const open = () => wx.navigateTo({ url: `/pages/order/order?id=${order.id}` });
      if (order.pay > 0) await payThenOpen({ orderId: order.id }, open);
      else await open();
    });
  },
});

async function readGoods(from: string) {
  const kind = Product_Kind.PRODUCT;
  const { products, cursor } = await catalog.list({ kind, cursor: int64(from) });
  return { items: products.map(goodsView), next: nextOf(cursor) };
}
