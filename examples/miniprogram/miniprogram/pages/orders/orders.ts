import { int64 } from "../../lib/int64";
import { nextOf, readFirst, readNext, unread } from "../../lib/list";
import { orders } from "../../lib/session";
import type { OrderView } from "../../lib/views";
import { orderView } from "../../lib/views";

Page({
  data: unread<OrderView>(),

  async onShow() {
    await this.reload();
  },

  async onPullDownRefresh() {
    await this.reload();
    wx.stopPullDownRefresh();
  },

  async onReachBottom() {
    await readNext(this, readOrders);
  },

  async reload() {
    await readFirst(this, readOrders);
  },
});

async function readOrders(from: string) {
  const page = await orders.list({ cursor: int64(from) });
  return { items: page.orders.map(orderView), next: nextOf(page.cursor) };
}
