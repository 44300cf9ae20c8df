import { act, say, sure } from "../../lib/act";
import { int64 } from "../../lib/int64";
import type { Part } from "../../lib/list";
import { readFirst, readNext, unread } from "../../lib/list";
import { moviesOf } from "../../lib/movies";
import { outcomeText, pay } from "../../lib/pay";
import { polling } from "../../lib/poll";
import { tickets } from "../../lib/session";
import type { TicketView } from "../../lib/views";
import { ticketView } from "../../lib/views";

Page({
  data: { ...unread<TicketView>(), busy: false },
  poll: undefined as ReturnType<typeof polling> | undefined,

  onLoad() {
    this.poll = polling(
      () => this.look(),
      () => this.data.items.some(({ moving }) => moving) && !this.data.busy,
    );
  },

  async onShow() {
    this.poll?.start();
    await this.reload();
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

  async onReachBottom() {
    await readNext(this, readTickets);
  },

  async reload() {
    await readFirst(this, readTickets);
  },

  /** Brings the newest tickets up to date, without a word: whoever scrolled down keeps what is below. */
  async look() {
    const { items } = await readTickets("").catch(() => ({ items: [] }));
    // Whoever reads the list or its next part brings what is newer.
    if (this.data.loading) return;
    const fresh = new Map(items.map((ticket) => [ticket.id, ticket]));
    this.setData({ items: this.data.items.map((ticket) => fresh.get(ticket.id) ?? ticket) });
  },

  async pay({ currentTarget }: WechatMiniprogram.CustomEvent) {
    await act(this, async () => {
      say(outcomeText[await pay({ ticketId: int64(currentTarget.dataset.id) })]);
      await this.reload();
    });
  },

  async cancel({ currentTarget }: WechatMiniprogram.CustomEvent) {
    await act(this, async () => {
      if (!(await sure("确定取消？影片会放回已选影片", "取消订票"))) return;
      await tickets.cancel({ ticketId: int64(currentTarget.dataset.id) });
      await this.reload();
    });
  },

  async complain({ currentTarget }: WechatMiniprogram.CustomEvent) {
    await act(this, async () => {
      const { confirm, content } = await wx.showModal({
        title: "遇到了什么问题？",
        editable: true,
        confirmText: "提交",
        cancelText: "返回",
      });
      if (!confirm || !content) return;
      await tickets.complain({ ticketId: int64(currentTarget.dataset.id), content });
      say("已收到，影院会尽快处理");
    });
  },
});

/** Tickets are counted, not pointed at: where to go on is how many were read. */
async function readTickets(from: string): Promise<Part<TicketView>> {
  const start = Number(from);
  const answer = await tickets.list({ start });
  const movies = await moviesOf(answer.tickets.flatMap(({ movieIds }) => movieIds));
  const names = new Map(movies.map(({ id, name }) => [id, name]));
  const read = start + answer.tickets.length;
  return {
    items: answer.tickets.map((ticket) => ticketView(ticket, (id) => names.get(id) ?? id)),
    next: read < answer.totalCount ? String(read) : "",
  };
}
