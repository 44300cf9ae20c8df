import { CartAction, Product_Kind, reasonOf } from "liveuser-client";
import { act, say, telling } from "../../lib/act";
import { int64 } from "../../lib/int64";
import { nextOf, readFirst, readNext, unread } from "../../lib/list";
import { yuan } from "../../lib/money";
import { moviesOf, rememberMovies } from "../../lib/movies";
import { payThenOpen } from "../../lib/pay";
import { scanScene, sceneIn } from "../../lib/scene";
import { cart, catalog, wechat } from "../../lib/session";
import type { Goods } from "../../lib/views";
import { goodsView } from "../../lib/views";

Page({
  data: {
    ...unread<Goods>(),
    cart: [] as Goods[],
    inCart: {} as Record<string, boolean>,
    total: "",
    /** The scene of the code that was scanned here; 0 leaves it to the one scanned last in WeChat. */
    sceneId: 0,
    seat: "",
    busy: false,
  },
  /** How often the cart was read: of two readings under way the later one counts. */
  cartReads: 0,

  /** A seat's mini-program code opens this page, with its scene. */
  async onLoad({ scene = "" }: Record<string, string | undefined>) {
    if (sceneIn(scene)) this.setScene(sceneIn(scene));
    await this.reload();
  },

  async onShow() {
    // Not an act: nothing that is tapped meanwhile may get lost.
    await telling(async () => {
      await this.showCart();
      if (!this.data.seat) await this.showLastScan();
    });
  },

  async onPullDownRefresh() {
    await Promise.all([this.reload(), this.onShow()]);
    wx.stopPullDownRefresh();
  },

  async onReachBottom() {
    await readNext(this, readMovies);
  },

  async reload() {
    await readFirst(this, readMovies);
  },

  async showCart() {
    const read = ++this.cartReads;
    const { movieIds } = await cart.get({});
    const movies = await moviesOf(movieIds);
    if (read !== this.cartReads) return;
    this.setData({
      cart: movies,
      inCart: Object.fromEntries(movieIds.map((id) => [id, true])),
      total: yuan(movies.reduce((sum, { fen }) => sum + fen, 0)),
    });
  },

  /** The seat may have been scanned in WeChat already, with the official account's code. */
  async showLastScan() {
    try {
      const { sceneId } = await wechat.getScene({});
      // Another may have been scanned here meanwhile.
      if (!this.data.seat) this.setData({ seat: seatText(sceneId) });
    } catch (error) {
      if (reasonOf(error) !== "SCENE_NOT_FOUND") throw error;
    }
  },

  setScene(sceneId: number) {
    this.setData({ sceneId, seat: seatText(sceneId) });
  },

  async scan() {
    await act(this, async () => {
      const sceneId = await scanScene();
      if (sceneId === 0) say("这不是座位二维码");
      else if (sceneId !== undefined) this.setScene(sceneId);
    });
  },

  async add({ currentTarget }: WechatMiniprogram.CustomEvent) {
    await act(this, async () => {
      await cart.add({ movieId: currentTarget.dataset.id });
      await this.showCart();
    });
  },

  async modify({ currentTarget }: WechatMiniprogram.TouchEvent) {
    const { id: movieId, action } = currentTarget.dataset as { id: string; action: keyof typeof CartAction };
    await act(this, async () => {
      await cart.modify({ movieId, action: CartAction[action] });
      await this.showCart();
    });
  },

  async makeTicket() {
    try {
      return (await cart.submit({ sceneId: this.data.sceneId })).ticket;
    } finally {
      // Also after a failure: the answer before may have got lost, and the cart is empty.
      await this.showCart();
    }
  },

  async submit() {
    await act(this, async () => {
      const ticket = await this.makeTicket();
      if (!ticket) return;
      const open = () => wx.switchTab({ url: "/pages/tickets/tickets" });
      if (ticket.actualPrice > 0) await payThenOpen({ ticketId: ticket.ticketId }, open);
      else await open();
    });
  },
});

function seatText(sceneId: number): string {
  return `座位码 ${sceneId}`;
}

async function readMovies(from: string) {
  const { products, cursor } = await catalog.list({ kind: Product_Kind.MOVIE, cursor: int64(from) });
  const items = products.map(goodsView);
  rememberMovies(items);
  return { items, next: nextOf(cursor) };
}
