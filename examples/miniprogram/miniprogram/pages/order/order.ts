import type { OrderRecord } from "liveuser-client";
import { act, say, sure } from "../../lib/act";
import { textOf } from "../../lib/errors";
import { int64 } from "../../lib/int64";
import { outcomeText, pay } from "../../lib/pay";
import { polling } from "../../lib/poll";
import { orders } from "../../lib/session";
import type { OrderView } from "../../lib/views";
import { orderView } from "../../lib/views";

Page({
  data: { order: undefined as OrderView | undefined, loading: true, failure: "", busy: false },
  id: "0",
  poll: undefined as ReturnType<typeof polling> | undefined,

  async onLoad({ id = "0" }: Record<string, string | undefined>) {
    this.id = id;
    this.poll = polling(
      () => this.reload(),
      () => Boolean(this.data.order?.moving) && !this.data.busy,
    );
    await this.reload();
  },

  onShow() {
    this.poll?.start();
  },

  onHide() {
    this.poll?.stop();
  },

  onUnload() {
    this.poll?.stop();
  },

  async onPullDownRefresh() {
    await this.reload();
    wx.stopPullDownRefresh();
  },

  async reload() {
    this.setData({ loading: true });
    try {
      this.show((await orders.get({ id: int64(this.id) })).order);
      this.setData({ failure: "" });
    } catch (error) {
      this.setData({ failure: textOf(error) });
    } finally {
      this.setData({ loading: false });
    }
  },

  show(order?: OrderRecord) {
    if (order) this.setData({ order: orderView(order) });
  },

  async pay() {
    await act(this, async () => {
      say(outcomeText[await pay({ orderId: int64(this.id) })]);
      await this.reload();
    });
  },

  async cancel() {
    await act(this, async () => {
      if (!(await sure("确定取消该订单？", "取消订单"))) return;
      this.show((await orders.cancel({ id: int64(this.id) })).order);
    });
  },

  async refund() {
    await act(this, async () => {
      if (!(await sure("确定申请退款？", "申请退款"))) return;
      this.show((await orders.refund({ id: int64(this.id), reason: "用户在小程序中申请" })).order);
    });
  },
});
