/** A payment, from its prepay_id on. Amounts in fen, times in unix ms. */
export interface Payment {
  outTradeNo: string;
  prepayId: string;
  prepaidUntil: number;
  appid: string;
  openid: string;
  description: string;
  total: number;
  notifyUrl: string;
  state: "NOTPAY" | "SUCCESS" | "REFUND" | "CLOSED";
  /** Empty before it was paid. */
  transactionId: string;
  paidAt: number;
  createdAt: number;
  notifications: Attempt[];
}

/** Money on its way back. */
export interface Refund {
  outRefundNo: string;
  refundId: string;
  outTradeNo: string;
  reason: string;
  amount: number;
  notifyUrl: string;
  status: "PROCESSING" | "SUCCESS" | "CLOSED" | "ABNORMAL";
  createdAt: number;
  settledAt: number;
  notifications: Attempt[];
}

/** One notification that was sent. */
export interface Attempt {
  at: number;
  /** What the server answered; none when it did not. */
  status: number | undefined;
}

/** What WeChat Pay remembers. */
export interface PayState {
  /** By out_trade_no. */
  payments: Map<string, Payment>;
  /** By out_refund_no. */
  refunds: Map<string, Refund>;
  /** The nonces of requests, and when they came: none is taken twice. */
  nonces: Map<string, number>;
  /** The merchant's account is empty: no refund goes through. */
  empty: boolean;
}

export function emptyPayState(): PayState {
  return { payments: new Map(), refunds: new Map(), nonces: new Map(), empty: false };
}
