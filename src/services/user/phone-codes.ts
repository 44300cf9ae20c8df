import { randomInt, timingSafeEqual } from "node:crypto";
import type { User } from "../../../gen/liveuser/user_pb.ts";
import type { App } from "../../app.ts";
import { AppError } from "../../errors.ts";
import type { Implementation } from "../../rpc/service.ts";
import { setVerifiedPhone } from "../wx/store.ts";
import * as codes from "./phone-code-store.ts";

/** How long a code is good (ms). */
const goodMs = 5 * 60_000;
const mostTries = 5;
/** For a number, and for the person who asks. */
const allowance: codes.Allowance = { gapMs: 60_000, perDay: 10, dayMs: 86_400_000 };

/** Phone numbers that a person shows to be theirs by a code in a text message. */
export function phoneCodes({
  store,
  clock,
  sms,
  personalDigest,
}: Pick<App, "store" | "clock" | "sms" | "personalDigest">) {
  /** What stands for the number, and for a code that was sent to it on the person's behalf. */
  function digests(userId: number, phone: string, code: string) {
    return {
      phoneDigest: personalDigest("phone", phone),
      codeDigest: personalDigest(`phone code ${userId} ${phone}`, code),
    };
  }

  return {
    async sendPhoneCode({ phone }, call) {
      const userId = call.user.uid;
      const code = `${randomInt(1_000_000)}`.padStart(6, "0");
      const { phoneDigest, codeDigest } = digests(userId, phone, code);
      // The person first everywhere, so that no two calls wait for each other.
      const subjects = [`person:${userId}`, `phone:${Buffer.from(phoneDigest).toString("base64url")}`];
      const now = clock.now();
      await store.tx(async (tx) => {
        for (const subject of subjects) {
          if (await codes.countCode(tx, { subject, now, allowance })) continue;
          const wait = (await codes.nextCodeAt(tx, subject, allowance)) - now;
          throw new AppError("RATE_LIMITED", {}, { retryAfterMs: Math.max(wait, 1) });
        }
        await codes.putCode(tx, { userId, phoneDigest, codeDigest, expiresAt: now + goodMs });
      });
      try {
        await sms.send({ phone, code, signal: call.signal });
      } catch (error) {
        // Who hangs up gains no second message.
        if (!call.signal.aborted) await store.tx((tx) => codes.forgetLast(tx, { subjects, at: now }));
        throw error;
      }
      return {};
    },

    async checkPhoneCode({ phone, code }, call) {
      const userId = call.user.uid;
      const { phoneDigest, codeDigest } = digests(userId, phone, code);
      // Nothing is thrown inside: a wrong guess has to stay counted.
      const { tried, right } = await store.tx(async (tx) => {
        const now = clock.now();
        const tried = await codes.tryCode(tx, { userId, phoneDigest, now, mostTries });
        const right = tried !== undefined && timingSafeEqual(tried.codeDigest, codeDigest);
        if (right) {
          await codes.dropCode(tx, { userId, phoneDigest });
          await setVerifiedPhone(tx, { userId, phone, at: now });
        }
        return { tried, right };
      });
      if (!tried) throw new AppError("PHONE_CODE_EXPIRED");
      if (!right) throw new AppError("PHONE_CODE_WRONG", { tries_left: `${mostTries - tried.tries}` });
      return {};
    },
  } satisfies Partial<Implementation<typeof User>>;
}

/** Forgets the codes that ran out and the days that are over. */
export async function deleteOldPhoneCodes({ store, clock }: Pick<App, "store" | "clock">): Promise<void> {
  await store.tx((tx) => codes.deleteOld(tx, { now: clock.now(), dayMs: allowance.dayMs }));
}
