import { and, eq, gt, sql } from "drizzle-orm";
import {
  type RailCancelRequest,
  type RailConfirmRequest,
  type RailCreateRequest,
  type RailGetRequest,
  type RailListRequest,
  type RailPayRequest,
  type RailRefundRequest,
  type RailTicketDetail,
  RailOrder_State as State,
} from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Payments } from "../../payments/payments.ts";
import type { Call } from "../../rpc/call.ts";
import { pageSize } from "../page.ts";
import { checkedPassenger, type Passenger, savedPassenger } from "../passenger.ts";
import { confirm } from "./confirmation.ts";
import { found, inState, owned } from "./found.ts";
import { idOf, recorder, sealName, shownState } from "./record.ts";
import * as orders from "./store.ts";
import { happen } from "./transition.ts";

/** What the one who travels or pays does with an order. */
export function railCustomers(
  app: Pick<App, "store" | "clock" | "ids" | "settings" | "personal">,
  payments: Pick<Payments, "prepay" | "close" | "wake">,
) {
  const { store, clock, ids, settings, personal } = app;
  const record = recorder(app);

  function newOrder(request: RailCreateRequest, passenger: Passenger, userId: number): orders.NewRailOrder {
    const id = ids.next();
    const now = clock.now();
    return {
      id,
      userId,
      amount: request.amount,
      identitySealed: personal.seal(Buffer.from(passenger.identityNumber), sealName(id)),
      identityLast4: passenger.identityNumber.slice(-4),
      documentType: passenger.documentType,
      passengerType: passenger.passengerType,
      passengerName: passenger.name,
      fromSite: request.fromSite,
      toSite: request.toSite,
      details: detailsOf(request.details),
      idempotencyKey: request.idempotencyKey || null,
      createdAt: now,
      expiresAt: now + settings.RAIL_EXPIRE * 1000,
    };
  }

  /** The order that the same request made before. @throws AppError IDEMPOTENCY_KEY_REUSED for another request's */
  function replay(row: orders.RailRow, request: RailCreateRequest, passenger: Passenger): orders.RailRow {
    const number = personal.open(row.identitySealed, sealName(row.id)).toString();
    const same =
      number === passenger.identityNumber &&
      row.passengerName === passenger.name &&
      row.passengerType === passenger.passengerType &&
      row.documentType === passenger.documentType &&
      row.fromSite === request.fromSite &&
      row.toSite === request.toSite &&
      row.amount === request.amount &&
      row.details === detailsOf(request.details);
    if (!same) throw new AppError("IDEMPOTENCY_KEY_REUSED");
    return row;
  }

  function prepay(id: number, call: Call) {
    const { uid, appid } = call.user;
    return payments.prepay({ kind: "rail_order", id }, { uid, appid, signal: call.signal });
  }

  return {
    async create(request: RailCreateRequest, call: Call) {
      const { uid } = call.user;
      const passenger = request.contactId
        ? await savedPassenger(app, uid, request.contactId)
        : checkedPassenger({ ...request, name: request.passengerName });
      const row = await store.tx(async (tx) => {
        const made = await orders.insert(tx, newOrder(request, passenger, uid));
        if (made) return made;
        // A person has each idempotency key once.
        const before = await orders.findByKey(tx, uid, request.idempotencyKey);
        if (!before) throw new AppError("UNAVAILABLE");
        return replay(before, request, passenger);
      });
      const payable = shownState(row, clock.now()) === State.wait_pay;
      return { order: record(row, uid), pay: payable ? await prepay(row.id, call) : undefined };
    },

    async list({ page, size }: RailListRequest, call: Call) {
      const { uid: userId } = call.user;
      const limit = pageSize(size);
      const number = page || 1;
      const rows = await orders.listOfUser(store.read, { userId, offset: (number - 1) * limit, limit });
      const total = await orders.countOf(store.read, userId);
      return {
        orders: rows.map((row) => record(row, userId)),
        total,
        pages: Math.ceil(total / limit),
        page: number,
      };
    },

    async get({ id }: RailGetRequest, call: Call) {
      const { uid } = call.user;
      const row = await found(store.read, id);
      if (row.userId !== uid && row.merchantId !== uid)
        throw new AppError("ORDER_NOT_FOUND", { id: `${id}` });
      return { order: record(row, uid) };
    },

    async pay({ id, orderNo }: RailPayRequest, call: Call) {
      const named = orderNo ? idOf(orderNo) : Number(id);
      if (named === undefined) throw new AppError("ORDER_NOT_FOUND", { order_no: orderNo });
      return { pay: await prepay(named, call) };
    },

    async cancel({ id }: RailCancelRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const cancelled = await happen(tx, "cancel", {
          id: Number(id),
          now,
          provided: ({ railOrders: r }) => and(eq(r.userId, uid), gt(r.expiresAt, now)),
        });
        if (cancelled) await payments.close(tx, "rail_order", [cancelled.id]);
        return cancelled ?? inState(await owned(tx, id, uid), now, [State.cancel]);
      });
      payments.wake();
      return { order: record(row, uid) };
    },

    async refund({ id }: RailRefundRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const asked = await happen(tx, "refund", {
          id: Number(id),
          now,
          provided: ({ railOrders: r }) => eq(r.userId, uid),
          // After a rejected refund that is still where it was before the first one.
          also: ({ railOrders: r }) => ({ refundFrom: sql`coalesce(${r.refundFrom}, ${r.state})` }),
        });
        const { returned_audit, returning_amount, returned_amount } = State;
        const underWay = [returned_audit, returning_amount, returned_amount];
        return asked ?? inState(await owned(tx, id, uid), now, underWay);
      });
      return { order: record(row, uid) };
    },

    async confirm({ id }: RailConfirmRequest, call: Call) {
      const { uid } = call.user;
      const row = await store.tx(async (tx) => {
        const now = clock.now();
        const confirmed = await confirm(tx, app, {
          event: "confirm",
          id: Number(id),
          now,
          provided: ({ railOrders: r }) => eq(r.userId, uid),
        });
        return confirmed ?? inState(await owned(tx, id, uid), now, [State.success]);
      });
      return { order: record(row, uid) };
    },
  };
}

function detailsOf(details: readonly RailTicketDetail[]): string {
  return JSON.stringify(
    details.map(({ seatType, departureDate, trainNum }) => ({ seatType, departureDate, trainNum })),
  );
}
