import type { MessageInitShape } from "@bufbuild/protobuf";
import { Cart, CartAction } from "../../../gen/liveuser/cart_pb.ts";
import type { TicketRecordSchema } from "../../../gen/liveuser/ticket_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import { service } from "../../rpc/service.ts";
import type { Tx } from "../../storage/store.ts";
import { type Acting, actingFor, knownFor } from "../acting.ts";
import * as products from "../catalog/store.ts";
import * as carts from "./store.ts";

/** How many movies can be put into a cart. What a cancelled ticket gives back comes on top. */
const mostMovies = 50;

/** What the cart needs of the tickets. */
export interface TicketDesk {
  /**
   * Makes a ticket of these movies, on the seat of that scene; with 0, of the one that the viewer scanned last.
   * @throws AppError MOVIE_NOT_FOUND, SCENE_NOT_FOUND, SEAT_NOT_FOUND, AMOUNT_OVERFLOW
   */
  issue(
    tx: Tx,
    viewer: Acting,
    wanted: { movieIds: readonly string[]; sceneId: number },
  ): Promise<MessageInitShape<typeof TicketRecordSchema>>;
  /** To be called after the transaction: tells those who watch. */
  changed(): void;
}

/** The movies that a person is about to watch. */
export function cartService(app: Pick<App, "store" | "clock" | "ids" | "settings">, tickets: TicketDesk) {
  const { store, clock } = app;

  /** Writes what `edit` makes of the cart. */
  async function change(
    call: Call,
    openId: string,
    edit: (movieIds: string[], tx: Tx) => readonly string[] | Promise<readonly string[]>,
  ) {
    const { uid } = await actingFor(app, call, openId);
    await store.tx(async (tx) => {
      const before = await carts.take(tx, uid, clock.now());
      const after = await edit(before, tx);
      if (after !== before) await carts.put(tx, uid, after);
    });
    return {};
  }

  return service(Cart, {
    async add({ movieId, openId }, call) {
      return change(call, openId, async (movieIds, tx) => {
        const movie = await products.find(tx, movieId);
        if (!movie?.onSale || movie.kind !== "MOVIE") {
          throw new AppError("MOVIE_NOT_FOUND", { movie_id: movieId });
        }
        if (movieIds.includes(movieId)) return movieIds;
        if (movieIds.length >= mostMovies) {
          throw invalid({ field: "movie_id", description: `the cart has ${mostMovies} movies already` });
        }
        return [...movieIds, movieId];
      });
    },

    async modify({ movieId, action, openId }, call) {
      return change(call, openId, (movieIds) => {
        const at = movieIds.indexOf(movieId);
        if (at < 0) throw new AppError("MOVIE_NOT_IN_CART", { movie_id: movieId });
        if (action === CartAction.REMOVE) return movieIds.toSpliced(at, 1);
        const to = at + (action === CartAction.MOVEUP ? -1 : 1);
        const neighbour = movieIds[to];
        return neighbour === undefined ? movieIds : movieIds.with(to, movieId).with(at, neighbour);
      });
    },

    async get({ openId }, call) {
      const viewer = await knownFor(app, call, openId);
      if (!viewer) return { openId, movieIds: [] };
      return { openId: viewer.openid, movieIds: await carts.find(store.read, viewer.uid) };
    },

    async submit({ openId, sceneId }, call) {
      const viewer = await actingFor(app, call, openId);
      const ticket = await store.tx(async (tx) => {
        const movieIds = await carts.take(tx, viewer.uid, clock.now());
        if (movieIds.length === 0) throw new AppError("CART_EMPTY");
        const issued = await tickets.issue(tx, viewer, { movieIds, sceneId });
        await carts.put(tx, viewer.uid, []);
        return issued;
      });
      tickets.changed();
      return { ticket };
    },
  });
}
