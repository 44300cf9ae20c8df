import type { RailAppConfigRequest, RailSetAppConfigRequest } from "../../../gen/liveuser/rail_pb.ts";
import type { App } from "../../app.ts";
import { AppError, invalid } from "../../errors.ts";
import { findConfig, putConfig } from "./config-store.ts";

/** What operators set for the clients. */
export function railConfig({ store, clock }: Pick<App, "store" | "clock">) {
  return {
    async appConfig({ key }: RailAppConfigRequest) {
      const value = await findConfig(store.read, key);
      if (value === undefined) throw new AppError("CONFIG_NOT_FOUND", { key });
      return { value };
    },

    async setAppConfig({ key, value }: RailSetAppConfigRequest) {
      if (!isJson(value)) throw invalid({ field: "value", description: "not JSON" });
      await store.tx((tx) => putConfig(tx, { key, value, updatedAt: clock.now() }));
      return {};
    },
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Sold to customers who want merchants to hurry: amounts in yuan, as the old system's clients read them. */
const refuelBag = [
  { amount: "20", name: "铜小妞", picture: "1" },
  { amount: "40", name: "银小妞", picture: "12" },
  { amount: "80", name: "金小妞", picture: "13" },
];

/** Gives the sandbox a `refuel_bag`, unless it has one. */
export async function seedRailConfig({ store, clock }: Pick<App, "store" | "clock">): Promise<void> {
  const key = "refuel_bag";
  await store.tx(async (tx) => {
    if ((await findConfig(tx, key)) !== undefined) return;
    await putConfig(tx, { key, value: JSON.stringify(refuelBag), updatedAt: clock.now() });
  });
}
