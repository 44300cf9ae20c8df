import type { Routes } from "../router.ts";
import type { Simulation } from "../state.ts";
import { payControlRoutes } from "./control.ts";
import { paymentRoutes } from "./payments.ts";
import { refundRoutes } from "./refunds.ts";

/** WeChat Pay v3, and settling payments and refunds by hand. */
export function payRoutes(sim: Simulation): Routes {
  return { ...paymentRoutes(sim), ...refundRoutes(sim), ...payControlRoutes(sim) };
}
