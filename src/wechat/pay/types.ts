/** A payment as WeChat Pay tells of it; what stands here was signed by WeChat Pay. */
export interface Transaction {
  appid: string;
  mchid: string;
  outTradeNo: string;
  tradeState: "SUCCESS" | "REFUND" | "NOTPAY" | "CLOSED" | "REVOKED" | "USERPAYING" | "PAYERROR";
  /** WeChat's number; empty before the payment. */
  transactionId: string;
  /** When it was paid (unix ms, to the second); 0 before. */
  successTime: number;
  /** Of the payer; empty before the payment. */
  openid: string;
  /** Fen: what was to be paid. */
  total: number;
}

/** A refund as WeChat Pay tells of it. */
export interface Refund {
  /** WeChat's number. */
  refundId: string;
  outRefundNo: string;
  outTradeNo: string;
  transactionId: string;
  status: "SUCCESS" | "CLOSED" | "PROCESSING" | "ABNORMAL";
  /** When the money was back (unix ms); 0 before. */
  successTime: number;
  /** Fen: what goes back, and what was paid. */
  refund: number;
  total: number;
}

/** A notification that WeChat Pay signed. */
export type Notification =
  | { kind: "payment"; id: string; transaction: Transaction }
  | { kind: "refund"; id: string; mchid: string; refund: Refund }
  /** An event type that this server has no use for; its content is left encrypted. */
  | { kind: "other"; id: string; eventType: string };

/** What wx.requestPayment takes. */
export interface PayParams {
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: "RSA";
  paySign: string;
}

export interface PrepayOrder {
  appid: string;
  outTradeNo: string;
  /** What the person sees; cut to 127 bytes, characters of four bytes replaced. */
  description: string;
  /** Fen. */
  amount: number;
  openid: string;
  notifyUrl: string;
  signal?: AbortSignal | undefined;
}

export interface RefundOrder {
  outTradeNo: string;
  outRefundNo: string;
  reason: string;
  /** Fen: what goes back, and what was paid. */
  amount: number;
  total: number;
  notifyUrl: string;
  signal?: AbortSignal | undefined;
}

/**
 * WeChat Pay v3 for one merchant. Every answer's signature is checked, of refusals too; an answer
 * without a good one is WX_UNAVAILABLE, for nobody knows who said it. WeChat Pay's own refusals are
 * WX_PAY_REFUSED with its code in `metadata.code`; SYSTEM_ERROR, rate limits and 5xx are WX_UNAVAILABLE,
 * and a key or number of the merchant's that does not fit (SIGN_ERROR, NO_AUTH) is WX_MISCONFIGURED.
 */
export interface Pay {
  readonly mchid: string;
  /** Asks for a prepay_id, good for 2 h. Asking again with the same order is harmless. */
  prepay(order: PrepayOrder): Promise<string>;
  /** The parameters of wx.requestPayment. The same input gives the same output. `at` in unix s. */
  params(input: { appid: string; prepayId: string; at: number; nonce: string }): PayParams;
  /** How a payment stands; undefined when WeChat Pay knows no such number. */
  query(outTradeNo: string, signal?: AbortSignal): Promise<Transaction | undefined>;
  /** Closes an unpaid payment: from then on it can't be paid. Refused (WX_PAY_REFUSED) when it was paid or is being paid. */
  close(outTradeNo: string, signal?: AbortSignal): Promise<void>;
  /** Asks for a refund. Asking again with the same outRefundNo refunds once. */
  refund(order: RefundOrder): Promise<Refund>;
  /** How a refund stands; undefined when WeChat Pay knows no such number. */
  queryRefund(outRefundNo: string, signal?: AbortSignal): Promise<Refund | undefined>;
  /**
   * Checks the signature over the raw bytes, then decrypts. `header` gives a request header by its name
   * in lower case.
   * @throws AppError WX_SIGNATURE_INVALID for whatever is not signed by WeChat Pay within 300 s,
   * INVALID_REQUEST for signed nonsense, WX_UNAVAILABLE when the signing certificate could not be fetched.
   */
  readNotification(request: {
    header(name: string): string | undefined;
    body: Uint8Array;
  }): Promise<Notification>;
}

/** The merchant's side. */
export interface PayOptions {
  /** `https://api.mch.weixin.qq.com`, or the simulator's address. */
  base: string;
  mchid: string;
  /** Serial number of the merchant's certificate. */
  serial: string;
  /** PEM. */
  privateKey: string;
  /** 32 characters. */
  apiV3Key: string;
  /** WeChat Pay's public key (PEM) and its id; without it WeChat Pay's certificates are fetched. */
  publicKey?: { id: string; pem: string } | undefined;
  clock: { now(): number };
  fetch?: typeof globalThis.fetch;
  /** For one exchange; 5 s unless told. */
  timeoutMs?: number;
}
