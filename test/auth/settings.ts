import type { AuthSettings } from "../../src/auth/auth.ts";

export const settings: AuthSettings = {
  issuer: "https://api.test",
  audience: "https://api.test",
  accessTtl: 3600,
  refreshTtl: 30 * 86400,
  refreshMax: 180 * 86400,
  sandbox: true,
};
