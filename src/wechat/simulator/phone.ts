import { createHash } from "node:crypto";
import { codeLifetimeMs, personOf, useUp } from "./login.ts";
import { BadRequest, fields, json, ok, posted, Refusal, type Routes } from "./router.ts";
import { forgetExpired, remember, type Simulation } from "./state.ts";
import { checkAppToken } from "./token.ts";

const phoneForm = /^\d{11}$/;
const devPrefix = "dev:";

/**
 * The getPhoneNumber button
 * (https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-info/phone-number/getPhoneNumber.html).
 */
export function phoneRoutes(sim: Simulation): Routes {
  return {
    "POST /wxa/business/getuserphonenumber": (request) => {
      checkAppToken(sim, request);
      const { code } = posted(request);
      if (!code) throw new Refusal(41008);
      if (typeof code !== "string") throw new Refusal(40029);
      const phone = redeem(sim, code);
      const watermark = { timestamp: Math.floor(sim.now() / 1000), appid: sim.appid };
      return ok({
        phone_info: { phoneNumber: phone, purePhoneNumber: phone, countryCode: "86", watermark },
      });
    },

    "POST /sim/phone-code": (request) => {
      const body = fields(request, ["openid", "phone"]);
      const { openid } = personOf(sim, body.openid);
      const phone = body.phone ?? phoneOf(openid);
      if (typeof phone !== "string" || !phoneForm.test(phone))
        throw new BadRequest("phone must be 11 digits");
      forgetExpired(sim.state.phoneCodes, sim.now());
      const code = sim.random(32).toString("hex");
      const expiresAt = sim.now() + sim.scaled(codeLifetimeMs);
      remember(sim.state.phoneCodes, code, { code, openid, phone, expiresAt });
      return json({ code });
    },
  };
}

/** `dev:<number>` is that number, any number of times. */
function redeem(sim: Simulation, code: string): string {
  const number = code.startsWith(devPrefix) ? code.slice(devPrefix.length) : "";
  if (phoneForm.test(number)) return number;
  const minted = sim.state.phoneCodes.get(code);
  if (!minted || sim.now() >= minted.expiresAt) throw new Refusal(40029);
  useUp(sim, minted);
  return minted.phone;
}

/** A number that stays the person's own. */
function phoneOf(openid: string): string {
  const digits = createHash("sha1").update(openid).digest().readUInt32BE() % 100_000_000;
  return `138${String(digits).padStart(8, "0")}`;
}
