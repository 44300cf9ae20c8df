/**
 * The generated client on Node, in the sandbox: signs in, sets a profile, orders, pays, asks for the money
 * back, lists, renews. `npm start` in one terminal, `npm run example` in another; on another port:
 * `npm run example -- http://127.0.0.1:9000`.
 */
import { ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { Catalog, Product_Kind } from "../gen/liveuser/catalog_pb.ts";
import { Order, OrderRecord_State } from "../gen/liveuser/order_pb.ts";
import { User } from "../gen/liveuser/user_pb.ts";
import { PaymentState_State, Wx } from "../gen/liveuser/wx_pb.ts";

let accessToken = "";

const authorize: Interceptor = (next) => (request) => {
  if (accessToken) request.header.set("authorization", `Bearer ${accessToken}`);
  return next(request);
};

const server = new URL(process.argv[2] ?? "http://127.0.0.1:8080");
const transport = createConnectTransport({
  baseUrl: server.origin,
  httpVersion: "1.1",
  interceptors: [authorize],
});

const wx = createClient(Wx, transport);
const user = createClient(User, transport);
const catalog = createClient(Catalog, transport);
const order = createClient(Order, transport);

// In a mini-program the code comes from wx.login(); the sandbox takes dev:<name> for anybody.
const session = await wx.login({ code: "dev:alice" }).catch((error) => {
  console.error(`no sign-in: ${ConnectError.from(error).message}. Does the server run (npm start)?`);
  process.exit(1);
});
accessToken = session.accessToken;
console.log("signed in");

await user.setProfile({ profile: { name: "Alice", birthday: "1990-05-17" } });
const { profile } = await user.getProfile({});
console.log(`profile: ${profile?.name}, born ${profile?.birthday}`);

const { products } = await catalog.list({ kind: Product_Kind.PRODUCT });
console.log(`on sale: ${products.map(({ productId, price }) => `${productId} ${yuan(price)}`).join(", ")}`);

// The same key again gives the same order: safe to repeat when an answer is lost.
const idempotencyKey = crypto.randomUUID();
const wanted = [
  { productId: "tea", count: 2 },
  { productId: "cup", count: 1 },
];
const created = await order.create({ products: wanted, idempotencyKey });
const again = await order.create({ products: wanted, idempotencyKey });
console.log(
  `ordered for ${yuan(created.order?.pay ?? 0)}; repeated: same order ${created.order?.id === again.order?.id}`,
);

const orderId = created.order?.id;
const params = await wx.prepay({ orderId });
console.log(
  `for wx.requestPayment: ${Object.keys(params)
    .filter((name) => name !== "$typeName")
    .join(", ")}`,
);
// In a mini-program the person pays in WeChat now; in the sandbox its simulator does.
await fetch(`http://${server.hostname}:${Number(server.port) + 1}/sim/pay`, {
  method: "POST",
  body: JSON.stringify({ prepay_id: params.package.replace("prepay_id=", "") }),
});
const { state, amount } = await wx.payStatus({ orderId });
console.log(`paid: ${nameOf(PaymentState_State, state)}, ${yuan(amount)}`);
const refunded = await order.refund({ id: orderId, reason: "changed my mind" });
console.log(`asked for the money back: ${nameOf(OrderRecord_State, refunded.order?.state)}`);

const { orders } = await order.list({ limit: 1 });
console.log(
  `newest order: ${nameOf(OrderRecord_State, orders[0]?.state)}, ${orders[0]?.products.length} products`,
);

const renewed = await wx.renewToken({ refreshToken: session.refreshToken, attemptId: crypto.randomUUID() });
accessToken = renewed.accessToken;
console.log(`renewed: another refresh token ${renewed.refreshToken !== session.refreshToken}`);

await wx.logout({});
console.log("signed out");

function yuan(fen: number): string {
  return `¥${(fen / 100).toFixed(2)}`;
}

function nameOf(states: Record<string, string | number>, state: number | undefined): string | undefined {
  return Object.entries(states).find(([, value]) => value === state)?.[0];
}
