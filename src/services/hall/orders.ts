import type { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { App } from "../../app.ts";
import { shanghaiDay } from "../../auth/apps.ts";
import { AppError, invalid } from "../../errors.ts";
import type { Call } from "../../rpc/call.ts";
import type { Implementation } from "../../rpc/service.ts";
import { pageOf, pageSize } from "../page.ts";
import { partnerOf, personLearnedBy } from "../partner.ts";
import * as hall from "./store.ts";
import { dayOf } from "./transaction-date.ts";

/** Traffic packages that partners report as bought. */
export function reporting({ store, clock, ids }: Pick<App, "store" | "clock" | "ids">) {
  /** Whose orders the caller may see: a partner its own, the operator any partner's. */
  function whose({ identity }: Call, appid: string): string | undefined {
    if (identity?.kind !== "app") throw new AppError("ACCESS_DENIED");
    if (identity.role === "operator") return appid || undefined;
    if (appid && appid !== identity.appid) throw new AppError("ACCESS_DENIED");
    return identity.appid;
  }

  return {
    async reportOrder({ openId: openid, deviceNo, trafficPackageName, transactionDate, ...rest }, call) {
      const appid = partnerOf(call);
      await personLearnedBy(store.read, appid, openid);
      const reportedAt = clock.now();
      const today = shanghaiDay(reportedAt).name;
      const day = transactionDate === "" ? today : dayOf(transactionDate);
      if (day === undefined)
        throw invalid({ field: "transaction_date", description: "there is no such day" });
      const { channel, from: source } = rest;
      return store.tx(async (tx) => {
        const id = ids.next();
        const order = {
          id,
          orderNo: `${today.replaceAll("-", "")}${id}`,
          appid,
          openid,
          deviceNo,
          packageName: trafficPackageName,
          transactionDate: day,
          channel,
          source,
          reportedAt,
        };
        return { orderNo: (await hall.addOrder(tx, order)) ?? (await hall.orderNoOf(tx, order)) };
      });
    },

    async listOrders({ cursor, limit, appid }, call) {
      const size = pageSize(limit);
      const before = cursor === 0n ? Number.MAX_SAFE_INTEGER : Number(cursor);
      const found = await hall.listOrders(store.read, { appid: whose(call, appid), before, limit: size + 1 });
      const page = pageOf(found, size);
      return {
        orders: page.rows.map((row) => ({
          orderNo: row.orderNo,
          openId: row.openid,
          deviceNo: row.deviceNo,
          trafficPackageName: row.packageName,
          transactionDate: row.transactionDate,
          channel: row.channel,
          from: row.source,
          reportedAt: BigInt(row.reportedAt),
          appid: row.appid,
        })),
        cursor: page.cursor,
      };
    },
  } satisfies Partial<Implementation<typeof Hall>>;
}
