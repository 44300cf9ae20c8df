import { eq } from "drizzle-orm";
import {
  type RailGiveUpRequest,
  type RailGrabRequest,
  type RailListGrabbedRequest,
  type RailListOpenRequest,
  type RailSubmitRequest,
  RailOrder_State as State,
} from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import type { Reader } from "../../storage/store.ts";
import { pageOf, pageSize } from "../page.ts";
import { found, wrongState } from "./found.ts";
import { recorder, standing } from "./record.ts";
import * as orders from "./store.ts";
import { type Happening, happen } from "./transition.ts";

/** What merchants do: they compete for orders, and one buys the ticket. */
export function railMerchants(app: Pick<App, "store" | "clock" | "personal">) {
  const { store, clock } = app;
  const record = recorder(app);

  /** An order that is this merchant's. @throws AppError ORDER_NOT_FOUND, ORDER_NOT_YOURS */
  async function taken(reader: Reader, id: bigint, uid: number): Promise<orders.RailRow> {
    const row = await found(reader, id);
    if (row.merchantId === null) throw wrongState(row, clock.now());
    if (row.merchantId !== uid) throw new AppError("ORDER_NOT_YOURS", { id: `${id}` });
    return row;
  }

  function ofMerchant(uid: number): NonNullable<Happening["provided"]> {
    return ({ railOrders }) => eq(railOrders.merchantId, uid);
  }

  return {
    async listOpen({ cursor, limit }: RailListOpenRequest, call: Call) {
      const size = pageSize(limit);
      const open = await orders.listOpen(store.read, { after: Number(cursor), limit: size + 1 });
      const page = pageOf(open, size);
      return { orders: page.rows.map((row) => record(row, call.user.uid)), cursor: page.cursor };
    },

    async listGrabbed({ cursor, limit }: RailListGrabbedRequest, call: Call) {
      const { uid: merchantId } = call.user;
      const size = pageSize(limit);
      const before = Number(cursor) || Number.MAX_SAFE_INTEGER;
      const rows = await orders.listGrabbed(store.read, { merchantId, before, limit: size + 1 });
      const page = pageOf(rows, size);
      return { orders: page.rows.map((row) => record(row, merchantId)), cursor: page.cursor };
    },

    async grab({ id }: RailGrabRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const feeRate = await orders.benefitRate(tx, uid);
        const grabbed = await happen(tx, "grab", {
          id: Number(id),
          now,
          also: () => ({ merchantId: uid, feeRate }),
        });
        if (grabbed) return grabbed;
        const there = await found(tx, id);
        if (there.merchantId !== null && there.merchantId !== uid) {
          throw new AppError("ORDER_TAKEN", { id: `${id}` });
        }
        if (there.merchantId === uid && standing(there) === State.robing) return there;
        throw wrongState(there, now);
      });
      return { order: record(row, uid) };
    },

    async submit({ id, ticketNo }: RailSubmitRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const submitted = await happen(tx, "submit", {
          id: Number(id),
          now,
          provided: ofMerchant(uid),
          also: () => ({ ticketNo }),
        });
        if (submitted) return submitted;
        const there = await taken(tx, id, uid);
        if (standing(there) !== State.order_audit || there.ticketNo !== ticketNo)
          throw wrongState(there, now);
        return there;
      });
      return { order: record(row, uid) };
    },

    async giveUp({ id }: RailGiveUpRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const given = await happen(tx, "giveUp", {
          id: Number(id),
          now,
          provided: ofMerchant(uid),
          also: () => ({ merchantId: null, feeRate: null }),
        });
        if (given) return given;
        throw wrongState(await taken(tx, id, uid), now);
      });
      return { order: record(row, uid) };
    },
  };
}
