import type { Routes } from "../router.ts";
import type { Simulation } from "../state.ts";

/** WeChat Pay v3, and settling payments and refunds by hand. */
export function payRoutes(_sim: Simulation): Routes {
  return {};
}
