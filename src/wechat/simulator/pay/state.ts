/** A payment, from its prepay_id on. Amounts in fen, times in unix ms. */
export interface Payment {
  outTradeNo: string;
  prepayId: string;
  prepaidUntil: number;
  openid: string;
  description: string;
  attach: string;
  total: number;
  createdAt: number;
  notifyUrl: string;
  /** The serial that the server verifies with: its notification is signed accordingly. */
  serial: string | undefined;
  closed: boolean;
  paid?: { transactionId: string; at: number; notice: Notice };
  refunds: Refund[];
}

/** Money on its way back. */
export interface Refund {
  payment: Payment;
  outRefundNo: string;
  refundId: string;
  amount: number;
  reason: string;
  createdAt: number;
  /** Nobody is told without one. */
  notifyUrl: string | undefined;
  serial: string | undefined;
  status: "PROCESSING" | Settled;
  settledAt?: number;
  /** Two when it was ABNORMAL first. */
  notices: Notice[];
}

export type Settled = "SUCCESS" | "CLOSED" | "ABNORMAL";

/** What the server is told, as often as it needs. */
export interface Notice {
  id: string;
  eventType: string;
  url: string;
  body: string;
  serial: string | undefined;
  attempts: Attempt[];
}

/** One sending of a notice. It is under way as long as it has neither status nor error. */
export interface Attempt {
  /** Unix ms */
  at: number;
  /** What the server answered. */
  status?: number;
  /** Why there was no answer. */
  error?: string;
}

/** What WeChat Pay remembers. */
export interface PayState {
  /** By out_trade_no. */
  payments: Map<string, Payment>;
  /** By out_refund_no. */
  refunds: Map<string, Refund>;
  /** The nonces of requests, and when they came: none is taken twice. */
  nonces: Map<string, number>;
  /** The merchant's account is empty: no refund is taken on. */
  empty: boolean;
}

export function emptyPayState(): PayState {
  return { payments: new Map(), refunds: new Map(), nonces: new Map(), empty: false };
}
