import { Product_Kind } from "liveuser-client";
import { act, say } from "../../lib/act";
import { int64 } from "../../lib/int64";
import { nextOf, readFirst, readNext, unread } from "../../lib/list";
import { yuan } from "../../lib/money";
import { orderAnswered, orderKey } from "../../lib/order-key";
import { outcomeText, pay } from "../../lib/pay";
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
  },

  choose({ currentTarget, detail }: WechatMiniprogram.CustomEvent<{ value: number }>) {
    this.setCounts({ ...this.data.counts, [currentTarget.dataset.id]: detail.value });
  },

  setCounts(counts: Record<string, number>) {
    const fen = this.data.items.reduce((sum, { id, fen }) => sum + fen * (counts[id] ?? 0), 0);
    const chosen = Object.values(counts).reduce((sum, count) => sum + count, 0);
    this.setData({ counts, chosen, total: yuan(fen) });
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
      // The page of the order opens whatever comes of the payment: it can be paid there too.
      try {
        if (order.pay > 0) say(outcomeText[await pay({ orderId: order.id })]);
      } finally {
        wx.navigateTo({ url: `/pages/order/order?id=${order.id}` });
      }
    });
  },
});

async function readGoods(from: string) {
  const kind = Product_Kind.PRODUCT;
  const { products, cursor } = await catalog.list({ kind, cursor: int64(from) });
  return { items: products.map(goodsView), next: nextOf(cursor) };
}
