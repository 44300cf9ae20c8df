import { platform } from "./session";

const storedAt = "order-key";

interface Kept {
  basket: string;
  key: string;
}

/**
 * The idempotency key to order this basket with. It stays the same until the order is answered, also
 * over a restart: when the answer is lost, ordering again finds the order instead of making another.
 */
export async function orderKey(basket: string): Promise<string> {
  const kept: Kept | "" = wx.getStorageSync(storedAt);
  if (kept && kept.basket === basket) return kept.key;
  const fresh: Kept = { basket, key: await platform.uniqueId() };
  wx.setStorageSync(storedAt, fresh);
  return fresh.key;
}

export function orderAnswered(): void {
  wx.removeStorageSync(storedAt);
}
