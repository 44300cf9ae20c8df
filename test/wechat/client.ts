import type { SharedValue, TokenStore } from "../../src/wechat/token.ts";
import { type Credentials, createWechat, type Wechat, type WechatOptions } from "../../src/wechat/wechat.ts";

/** A store for one process; `reads` counts the looks into it. */
export interface MapTokens extends TokenStore {
  values: Map<string, SharedValue>;
  leases: Map<string, { holder: string; until: number }>;
  reads: number;
}

export function mapTokens(clock: { now(): number } = { now: () => Date.now() }): MapTokens {
  const values = new Map<string, SharedValue>();
  const leases: MapTokens["leases"] = new Map();
  const tokens: MapTokens = {
    values,
    leases,
    reads: 0,
    async read(name) {
      tokens.reads += 1;
      return values.get(name);
    },
    async lease(name, holder, ms) {
      if ((leases.get(name)?.until ?? 0) > clock.now()) return false;
      leases.set(name, { holder, until: clock.now() + ms });
      return true;
    },
    async write(name, holder, { value, expiresAt, version }) {
      if (leases.get(name)?.holder !== holder || (values.get(name)?.version ?? 0) !== version) return false;
      values.set(name, { value, expiresAt, version: version + 1 });
      leases.delete(name);
      return true;
    },
    async release(name, holder) {
      if (leases.get(name)?.holder === holder) leases.delete(name);
    },
  };
  return tokens;
}

export interface ClientOptions extends Partial<Omit<WechatOptions, "apiBase" | "openBase">> {
  /** Mini-program and official account in one. */
  app?: Credentials;
}

/** A client of the WeChat at this address, with everything that a test does not name filled in. */
export function wechatAt(base: string, { app, ...options }: ClientOptions = {}): Wechat {
  const credentials = app ?? { appid: "wx5a4db0c500000000", secret: "sandbox" };
  const clock = options.clock ?? { now: () => Date.now() };
  return createWechat({
    apiBase: base,
    openBase: base,
    miniProgram: credentials,
    officialAccount: credentials,
    tokens: mapTokens(clock),
    clock,
    ...options,
  });
}
