import { Cart } from "../../../gen/liveuser/cart_pb.ts";
import { Ticket } from "../../../gen/liveuser/ticket_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { plainStatus } from "./send.ts";
import { type Dialect, route } from "./table.ts";

// The document writes openID in its tables and bodies, and open_id in its URLs.
const openIdNames = ["open_id", "openID"];
const openIdDoc = "The person's openid.";
const openIdInQuery = { query: openIdNames, required: true, doc: openIdDoc };
const openIdInBody = { body: openIdNames.toReversed(), required: true, doc: openIdDoc };
const movieId = { body: ["movieID", "movie_id"], required: true, doc: "The movie's id." };
const ticketIdNames = ["ticket_id", "ticketID"];
const ticketIdDoc = "The ticket's id.";
const start = { query: "start", default: 0 };
const limit = { query: "limit", default: 20, doc: "Page size, at most 100." };

/** The cinema's service: carts, tickets and WeChat's side of them. */
export const wxs: Dialect = {
  name: "wxs",
  doc:
    "wxs服务接口: the cinema's service. WeChat's callback answers at `GET, POST /wxs/wx/callback` as it does at " +
    "`/wx/callback`.",
  credential: "bearer",
  prefix: "/wxs/",
  routes: [
    route(Cart.method.add, {
      method: "POST",
      path: "/wxs/cart",
      request: { movieId, openId: openIdInBody },
    }),
    route(Cart.method.modify, {
      method: "PUT",
      path: "/wxs/cart",
      request: { movieId, openId: openIdInBody, action: { body: "action", required: true } },
    }),
    route(Cart.method.submit, {
      method: "POST",
      path: "/wxs/cart/submit",
      request: { openId: openIdInBody },
      answer: { fields: { ticketID: { from: "ticket.ticketId", as: String, doc: "The ticket's id." } } },
    }),
    route(Cart.method.get, {
      method: "GET",
      path: "/wxs/cart",
      request: { openId: openIdInQuery },
      answer: { fields: { openID: "openId", movieList: "movieIds" } },
    }),
    route(Ticket.method.list, {
      method: "GET",
      path: "/wxs/tickets",
      request: {
        ticketId: { query: ticketIdNames },
        openId: { query: openIdNames, doc: "Only this person's." },
        status: { query: "status", doc: "Only tickets with this status; several have commas between them." },
        start,
        limit,
      },
      answer: {
        fields: {
          totalCount: "totalCount",
          itemList: {
            from: "tickets",
            fields: {
              ticketID: { from: "ticketId", as: String },
              status: "status",
              progressPhase: "progressPhase",
              price: "price",
              actualPrice: "actualPrice",
              payMode: "payMode",
              payTime: "payTime",
              viewerOpenID: "viewerOpenId",
              viewerNickName: "viewerNickName",
              vrClientID: "vrClientId",
              seatNumber: "seatNumber",
              cinemaName: "cinemaName",
              hallName: "hallName",
              movieIDList: "movieIds",
              startTime: "startTime",
              expireTime: "expireTime",
            },
          },
        },
      },
    }),
    route(Ticket.method.cancel, {
      method: "DELETE",
      path: "/wxs/tickets",
      request: { ticketId: { query: ticketIdNames, required: true, doc: ticketIdDoc } },
    }),
    route(Wx.method.prepay, {
      method: "GET",
      path: "/wxs/payment/wx/params",
      request: {
        openId: openIdInQuery,
        ticketId: { query: ticketIdNames, required: true, doc: ticketIdDoc },
      },
      answer: {
        fields: {
          timestamp: { from: "timeStamp", as: Number, doc: "Unix seconds, the same that were signed." },
          nonceStr: "nonceStr",
          package: "package",
          signType: "signType",
          paySign: "paySign",
        },
      },
      example: { timeStamp: "1510995105", package: "prepay_id=…", signType: "RSA" },
    }),
    route(Ticket.method.complain, {
      method: "POST",
      path: "/wxs/tickets/complaint",
      request: {
        ticketId: { body: ticketIdNames.toReversed(), required: true, doc: ticketIdDoc },
        openId: openIdInBody,
        content: { body: "content", required: true },
      },
    }),
    route(Wx.method.listFollowers, {
      method: "GET",
      path: "/wxs/users/wx",
      request: { openId: { query: openIdNames, doc: "Only this person." }, start, limit },
      answer: {
        fields: {
          totalCount: "totalCount",
          itemList: {
            from: "followers",
            fields: {
              openID: "openId",
              nickName: "nickName",
              iconURL: "iconUrl",
              attentionTime: "attentionTime",
              sceneID: "sceneId",
              subscribed: { from: "subscribed", as: Number, doc: "1 while they follow, else 0." },
            },
          },
        },
      },
    }),
    route(Wx.method.getScene, {
      method: "GET",
      path: "/wxs/users/sceneid",
      request: { openId: openIdInQuery },
      answer: { fields: { sceneID: "sceneId", scanTime: { from: "scanTime", as: String } } },
    }),
    route(Wx.method.getAccessToken, {
      method: "GET",
      path: "/wxs/wx/accesstoken",
      answer: "accessToken",
    }),
  ],
  errors: {
    rows: {},
    otherwise: (error) => ({ status: plainStatus(error) }),
    write: ({ text }) => ({ json: { info: text } }),
  },
};
