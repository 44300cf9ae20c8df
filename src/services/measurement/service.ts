import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Payments } from "../../payments/payments.ts";
import type { Call } from "../../rpc/call.ts";
import { service } from "../../rpc/service.ts";
import type { Reader } from "../../storage/store.ts";
import { keyOf, once } from "../idempotency.ts";
import { pageOf, pageSize } from "../page.ts";
import type { Analyst } from "./analyst.ts";
import type { Report } from "./engine/engine.ts";
import { pack, unpack } from "./packing.ts";
import * as measurements from "./store.ts";

/** How many measurements one person may keep; the contract says it too. */
const most = 5000;

/** Pulse waves and what an engine finds in them. Only the owner sees one. */
export function measurementService(
  { store, clock, ids, settings }: Pick<App, "store" | "clock" | "ids" | "settings">,
  payments: Pick<Payments, "prepay" | "close" | "wake">,
  analyst: Pick<Analyst, "analyze">,
) {
  async function owned<R extends measurements.MeasurementRow>(
    find: (reader: Reader, id: number) => Promise<R | undefined>,
    id: bigint,
    userId: number,
  ): Promise<R> {
    const row = await find(store.read, Number(id));
    if (row?.userId !== userId) throw missing(id);
    return row;
  }

  /** What the engine says of the caller's measurement. @throws AppError MEASUREMENT_NOT_FOUND, MEASUREMENT_UNPAID */
  async function analysed(id: bigint, call: Call, drawn: boolean) {
    const { price, paidAt, packed, sampleRate } = await owned(measurements.findWave, id, call.user.uid);
    if (price > 0 && paidAt === null) throw new AppError("MEASUREMENT_UNPAID", { price: `${price}` });
    return analyst.analyze({ packed, sampleRate, drawn }, call.signal);
  }

  return service(Measurement, {
    async record({ samples, sampleRate, remark, idempotencyKey }, call) {
      const userId = call.user.uid;
      const wave = new Int16Array(samples);
      const key = keyOf(idempotencyKey, JSON.stringify([sampleRate, remark]), bytesOf(wave));
      const packed = await pack(wave);
      const row = await store.tx((tx) =>
        once(key, {
          find: (text) => measurements.findByKey(tx, userId, text),
          again: (before): measurements.MeasurementRow => before,
          async make() {
            if ((await measurements.countOf(tx, userId)) >= most) {
              throw new AppError("MEASUREMENTS_FULL", { most: `${most}` });
            }
            return measurements.insert(tx, {
              id: ids.next(),
              userId,
              sampleRate,
              sampleCount: wave.length,
              remark,
              price: settings.MEASUREMENT_PRICE,
              createdAt: clock.now(),
              packed,
              idempotencyKey: key?.text ?? null,
              requestHash: key?.hash ?? null,
            });
          },
        }),
      );
      return { measurement: toRecord(row) };
    },

    async list({ from, to, cursor, limit }, call) {
      const size = pageSize(limit);
      const rows = await measurements.list(store.read, {
        userId: call.user.uid,
        before: Number(cursor) || Number.MAX_SAFE_INTEGER,
        from: Number(from),
        to: Number(to) || Number.MAX_SAFE_INTEGER,
        limit: size + 1,
      });
      const page = pageOf(rows, size);
      return { measurements: page.rows.map(toRecord), cursor: page.cursor };
    },

    async get({ id }, call) {
      const row = await owned(measurements.findWave, id, call.user.uid);
      return { measurement: { ...toRecord(row), samples: Array.from(await unpack(row.packed)) } };
    },

    async analyze({ id }, call) {
      const { analysis } = await analysed(id, call, false);
      if (analysis.ok) return { report: toReport(id, analysis.report) };
      const { why, quality, explanation } = analysis;
      throw new AppError("SIGNAL_POOR", { why, quality: `${quality}`, explanation });
    },

    async picture({ id }, call) {
      const { svg } = await analysed(id, call, true);
      return { svg };
    },

    async remark({ id, remark }, call) {
      const userId = call.user.uid;
      const row = await store.tx((tx) => measurements.setRemark(tx, { id: Number(id), userId, remark }));
      if (!row) throw missing(id);
      return { measurement: toRecord(row) };
    },

    async pay({ id }, call) {
      const { uid, appid } = call.user;
      const row = await owned(measurements.find, id, uid);
      if (row.price === 0) {
        const paid = await store.tx((tx) => measurements.pay(tx, row.id, clock.now()));
        if (!paid) throw new AppError("ALREADY_PAID", { state: "PAID" });
        return { measurement: toRecord(paid) };
      }
      const subject = { kind: "measurement", id: row.id } as const;
      const pay = await payments.prepay(subject, { uid, appid, signal: call.signal });
      return { measurement: toRecord(row), pay };
    },

    async delete({ id }, call) {
      const userId = call.user.uid;
      const found = await store.tx(async (tx) => {
        if (!(await measurements.remove(tx, { id: Number(id), userId }))) return false;
        await payments.close(tx, "measurement", [Number(id)]);
        return true;
      });
      if (!found) throw missing(id);
      payments.wake();
      return {};
    },
  });
}

function missing(id: bigint): AppError {
  return new AppError("MEASUREMENT_NOT_FOUND", { id: `${id}` });
}

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function toRecord(row: measurements.MeasurementRow) {
  const { sampleRate, sampleCount, remark, price } = row;
  return {
    id: BigInt(row.id),
    sampleRate,
    sampleCount,
    remark,
    price,
    hasPaid: row.paidAt !== null,
    createdAt: BigInt(row.createdAt),
  };
}

function toReport(id: bigint, { rejected, ...report }: Report) {
  return { ...report, id, rejected: rejected.map(([from, to]) => ({ from, to })) };
}
