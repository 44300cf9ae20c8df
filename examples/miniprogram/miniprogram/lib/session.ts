import { Cart, Catalog, createSession, miniProgram, Order, Ticket, User, Wx } from "liveuser-client";
import { baseUrl, sandboxUser } from "../config";
import { sandbox } from "../sandbox";

const wechatPlatform = miniProgram();

/** WeChat on a phone; in the sandbox somebody it knows signs in. */
export const platform = sandbox ? { ...wechatPlatform, code: async () => sandboxUser } : wechatPlatform;

/** Who uses the program: signs in with the first call that needs it, and renews its tokens by itself. */
export const session = createSession({ baseUrl, platform });

export const cart = session.client(Cart);
export const catalog = session.client(Catalog);
export const orders = session.client(Order);
export const tickets = session.client(Ticket);
export const users = session.client(User);
export const wechat = session.client(Wx);
