import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Reader, Tx } from "../../storage/store.ts";
import type { Acting } from "../acting.ts";
import * as products from "../catalog/store.ts";
import * as users from "../user/store.ts";
import * as wx from "../wx/store.ts";
import * as changes from "./changes.ts";
import { standingOf, ticketMachine } from "./machine.ts";
import { toRecord } from "./record.ts";
import * as seats from "./seats.ts";
import * as tickets from "./store.ts";

const int32Max = 2 ** 31 - 1;

/** Making tickets. */
export function ticketIssue({ clock, ids, settings }: Pick<App, "clock" | "ids" | "settings">) {
  /** What the movies cost together now (fen). */
  async function priceOf(reader: Reader, movieIds: readonly string[]): Promise<number> {
    const found = await products.findMany(reader, movieIds);
    const byId = new Map(found.map((movie) => [movie.productId, movie]));
    const price = movieIds.reduce((sum, movieId) => {
      const movie = byId.get(movieId);
      if (!movie?.onSale || movie.kind !== "MOVIE") {
        throw new AppError("MOVIE_NOT_FOUND", { movie_id: movieId });
      }
      return sum + movie.price;
    }, 0);
    if (price > int32Max) throw new AppError("AMOUNT_OVERFLOW");
    return price;
  }

  async function lastScene(reader: Reader, uid: number): Promise<number> {
    const scene = await wx.lastScene(reader, await wx.openidsOf(reader, uid));
    if (!scene) throw new AppError("SCENE_NOT_FOUND");
    return scene.sceneId;
  }

  async function seatOf(reader: Reader, sceneId: number): Promise<seats.SeatRow> {
    const seat = await seats.find(reader, sceneId);
    if (!seat) throw new AppError("SEAT_NOT_FOUND", { scene_id: `${sceneId}` });
    return seat;
  }

  /**
   * Makes a ticket of these movies at today's prices, on the seat of that scene; with 0, of the one that the
   * viewer scanned last. One that costs nothing is paid as it is made: WeChat Pay takes no payment of 0.
   * @throws AppError MOVIE_NOT_FOUND, AMOUNT_OVERFLOW, SCENE_NOT_FOUND, SEAT_NOT_FOUND
   */
  return async (
    tx: Tx,
    { uid, openid }: Acting,
    { movieIds, sceneId }: { movieIds: readonly string[]; sceneId: number },
  ) => {
    const price = await priceOf(tx, movieIds);
    const seat = await seatOf(tx, sceneId || (await lastScene(tx, uid)));
    const viewer = await users.findRecord(tx, uid);
    const now = clock.now();
    const free = price === 0;
    const ticket: tickets.TicketRow = {
      id: ids.next(),
      userId: uid,
      ...standingOf[free ? ticketMachine.events.pay.to : ticketMachine.start],
      price,
      actualPrice: price,
      payMode: "",
      payTime: free ? now : null,
      viewerOpenid: openid,
      viewerNickName: viewer?.name ?? "",
      ...seat,
      movieIds: JSON.stringify(movieIds),
      createdAt: now,
      expiresAt: now + settings.TICKET_EXPIRE * 1000,
    };
    await tickets.insert(tx, ticket);
    await changes.record(tx, [{ ticket }], now);
    return toRecord(ticket, now);
  };
}
