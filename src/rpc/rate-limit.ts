import { createRequire } from "node:module";
import { isIPv6 } from "node:net";
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import type { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { Limit_Per, limit as limitOption } from "../../gen/liveuser/options_pb.ts";
import { AppError } from "../errors.ts";

/** Counts a call against a limit. @throws AppError RATE_LIMITED with the time to wait */
type Count = (who: string) => Promise<void>;

/** What is counted of one method's calls. */
export interface MethodLimits {
  /** By the caller's address, before it is known who calls. */
  address: Count | undefined;
  /** By the person's uid. */
  person: Count | undefined;
}

/** A method's limits; nothing for one that has none. */
export type RateLimits = (method: DescMethod) => MethodLimits | undefined;

// The package's entry loads the limiters for every database there is: 30 ms and 10 MB.
const MemoryLimiter: typeof RateLimiterMemory = createRequire(import.meta.url)(
  "rate-limiter-flexible/lib/RateLimiterMemory.js",
);

/**
 * The limits that the contract puts on methods (option `limit`), times `factor`; 0 for none at all. Each
 * caller has a window of their own, which begins with their first call. Counts are kept in this process.
 */
export function createRateLimits(factor: number): RateLimits {
  return (method) => {
    const limits = factor > 0 ? getOption(method, limitOption) : [];
    const countsOf = (per: Limit_Per) =>
      limits
        .filter((limit) => limit.per === per)
        .map(({ count, seconds }) => counter(Math.max(1, Math.round(count * factor)), seconds));
    const address = all(countsOf(Limit_Per.ADDRESS));
    const person = all(countsOf(Limit_Per.PERSON));
    if (!address && !person) return undefined;
    return { address: address && ((peer) => address(networkOf(peer))), person };
  };
}

function counter(points: number, duration: number): Count {
  const limiter = new MemoryLimiter({ points, duration });
  return async (who) => {
    await limiter.consume(who).catch((refused: RateLimiterRes) => {
      throw new AppError("RATE_LIMITED", {}, { retryAfterMs: Math.max(refused.msBeforeNext, 1) });
    });
  };
}

function all(counts: readonly Count[]): Count | undefined {
  if (counts.length === 0) return undefined;
  return async (who) => {
    for (const count of counts) await count(who);
  };
}

/**
 * What counts as one caller's address: an IPv4 address, or the /64 of an IPv6 address, since that is what a
 * single household gets (RFC 6177).
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [plain = ""] = address.toLowerCase().split("%");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped) return mapped;
  const [left = [], right = []] = plain.split("::").map((part) => (part ? part.split(":") : []));
  const zeros = 8 - left.length - right.length - (plain.includes(".") ? 1 : 0);
  const groups = plain.includes("::") ? [...left, ...Array(zeros).fill("0"), ...right] : left;
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
