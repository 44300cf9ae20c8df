import { Refusal } from "./router.ts";
import type { Simulation } from "./state.ts";

/** The parameters by which a caller names the app. */
export interface GivenCredentials {
  appid: unknown;
  secret: unknown;
  grantType: unknown;
  /** Of the calls that take one. */
  code?: { value: unknown };
}

/**
 * Looks at the parameters in WeChat's order.
 * @param grantType what grant_type must be
 * @throws Refusal 41002, 41004, 41008 (missing), 40002, 40013, 40125 (wrong)
 */
export function checkCredentials(sim: Simulation, given: GivenCredentials, grantType: string): void {
  if (!given.appid) throw new Refusal(41002);
  if (!given.secret) throw new Refusal(41004);
  if (given.code && !given.code.value) throw new Refusal(41008);
  if (given.grantType !== grantType) throw new Refusal(40002);
  if (given.appid !== sim.appid) throw new Refusal(40013);
  if (given.secret !== sim.secret) throw new Refusal(40125);
}
