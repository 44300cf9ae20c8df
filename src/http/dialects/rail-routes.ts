import { create } from "@bufbuild/protobuf";
import {
  Rail,
  type RailOrder,
  RailOrder_State,
  RailOrderSchema,
  type RailTicketDetail,
} from "../../../gen/liveuser/rail_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { valuesAt } from "./incoming.ts";
import { refused, refusedAs } from "./rail-codes.ts";
import { fenOf, ticketDetailsOf, yuanOf } from "./rail-forms.ts";
import { shanghaiTime } from "./shanghai-time.ts";
import { type AnswerTable, type Dialect, type Incoming, type Row, route } from "./table.ts";

const passengerTypes = { 成人: "ADULT", 儿童: "CHILD", 学生: "STUDENT" };
const documentTypes = { 身份证: "IDENTITY_CARD" };

const orderId = { body: "id", required: true, doc: "The order's id." };

const order: AnswerTable<RailOrder> = {
  id: "id",
  orderNo: "orderNo",
  userId: { from: "uid", as: Number },
  ticketIdentity: "identityNumber",
  identityType: { from: "documentType", as: inverse(documentTypes), doc: "身份证." },
  linkmanType: { from: "passengerType", as: inverse(passengerTypes), doc: "成人 / 儿童 / 学生." },
  ticketName: "passengerName",
  fromSite: "fromSite",
  toSite: "toSite",
  createDate: { from: "createdAt", as: shanghaiTime, doc: "When it was made, in China's time." },
  orderStatus: "state",
  modifyDate: { from: "updatedAt", as: shanghaiTime, doc: "When its state last changed, in China's time." },
  orderAmount: { from: "amount", as: yuanOf, doc: "What it costs (yuan)." },
  ticketDetails: { given: (message) => message.details.map(detailWriter(message)) },
};

/** The caller's: by now it is known to be theirs. */
const userId = {
  given: (_: unknown, incoming: Incoming) => `${valuesAt(incoming, "outer", "userId")[0] ?? ""}`,
};

function detailWriter({ orderNo }: RailOrder) {
  return ({ seatType, departureDate, trainNum }: RailTicketDetail) => ({
    orderNo,
    seatType,
    departureDate,
    trainNum,
  });
}

const exampleOrder = create(RailOrderSchema, {
  id: 9n,
  orderNo: "880000000000000009",
  uid: "4",
  state: RailOrder_State.returning_amount,
  identityNumber: "11010519491231002X",
  passengerName: "王五",
  fromSite: "北京",
  toSite: "河南",
  details: [{ seatType: "硬座,硬卧", departureDate: "2018-01-01", trainNum: "K180,K190" }],
  amount: 8050,
  createdAt: 1538741150000n,
  updatedAt: 1538826075000n,
});

const payParams = {
  from: "pay",
  fields: {
    timeStamp: "timeStamp",
    nonceStr: "nonceStr",
    package: "package",
    signType: "signType",
    paySign: "paySign",
  },
} as const;

/** Stands for the signature in an answer's table: `wrap` fills it in. */
const signature = { value: "" };
/** The document names sign and nonceStr among the parameters: they have to be there. */
const needsSignature = { method: "POST", before: demandSignature } as const;
/** They are checked where they are given. */
const plain = { method: "POST" } as const;

/** The rail document's URLs. */
export const railRoutes: Dialect["routes"] = [
  route(Wx.method.login, {
    ...needsSignature,
    path: "/api/v1/user/login",
    request: {
      code: { body: "code", required: true },
      role: {
        outer: "userRole",
        required: true,
        doc: "What a new person becomes: customer or business. Known people stay what they are.",
      },
    },
    answer: {
      fields: {
        userId: "uid",
        loginKey: { from: "accessToken", doc: "Goes into the header loginKey of every other call." },
        sign: signature,
      },
    },
    errors: refusedAs({ WX_MISCONFIGURED: "1006" }),
  }),
  route(User.method.getProfile, {
    ...plain,
    path: "/api/v1/user/getUserInfo",
    answer: {
      fields: {
        userId,
        userPhoneno: "profile.phone",
        amount: { from: "profile.balance", as: yuanOf, doc: "Balance (yuan)." },
        coolAmount: { from: "profile.frozenBalance", as: yuanOf, doc: "Money that is held (yuan)." },
        userImage: "profile.avatar",
        userName: "profile.name",
        userWxno: "profile.wechatNo",
        userStatus: {
          from: "profile.status",
          as: { WAIT_AUTHEN: "wait_authen", AUTHENED: "authened" },
          doc: "wait_authen, or authened once real name and identity number are there.",
        },
        userBirthday: "profile.birthday",
        userIdentity: "profile.identityNumber",
        realName: "profile.realName",
        benefitRate: {
          from: "profile.benefitRate",
          as: (basisPoints) => `${basisPoints / 10_000}`,
          doc: "A merchant's fee, as a part of 1.",
        },
        customerAccount: "profile.railAccount",
        sign: signature,
      },
    },
  }),
  route(User.method.addContact, {
    ...needsSignature,
    path: "/api/v1/user/addContacts",
    request: {
      contact: {
        fields: {
          identityNumber: { body: "indentity", required: true, doc: "The passenger's identity number." },
          name: { body: "name", required: true },
          passengerType: {
            body: "linkmanType",
            required: true,
            as: passengerTypes,
            doc: "What the passenger travels as.",
          },
          documentType: {
            body: "indentityType",
            required: true,
            as: documentTypes,
            doc: "The kind of identity document.",
          },
        },
      },
    },
    errors: refusedAs({ CONTACTS_FULL: "0024", RATE_LIMITED: "0024", UNAVAILABLE: "0024", INTERNAL: "0024" }),
  }),
  route(User.method.listContacts, {
    ...plain,
    path: "/api/v1/user/selectContacts",
    answer: {
      from: "contacts",
      fields: {
        userId,
        indentity: "identityNumber",
        name: "name",
        status: { value: "" },
      },
    },
  }),
  route(User.method.sendPhoneCode, {
    ...needsSignature,
    path: "/api/v1/user/sendPhoneCode",
    request: { phone: { body: "phoneNo", required: true } },
    answer: {
      fields: {
        smsCode: { value: "" },
        phoneNo: { given: (_, incoming) => `${valuesAt(incoming, "body", "phoneNo")[0] ?? ""}` },
        sign: signature,
      },
    },
    errors: refusedAs({ RATE_LIMITED: "0019", UNAVAILABLE: "0019", INTERNAL: "0019" }),
  }),
  route(User.method.checkPhoneCode, {
    ...needsSignature,
    path: "/api/v1/user/checkPhoneCode",
    request: {
      phone: { body: "phoneNo", required: true },
      code: { body: "smsCode", required: true },
    },
    errors: refusedAs({ RATE_LIMITED: "0022", UNAVAILABLE: "0022", INTERNAL: "0022" }),
  }),
  route(Rail.method.create, {
    ...needsSignature,
    path: "/api/v1/user/createOrder",
    request: {
      identityNumber: { body: "ticketIdentity", required: true },
      passengerName: { body: "ticketName", required: true },
      fromSite: { body: "fromSite", required: true },
      toSite: { body: "toSite", required: true },
      details: {
        body: "ticketDetails",
        required: true,
        as: ticketDetailsOf,
        doc: "The trains that would do: objects with seatType, departureDate (YYYY-MM-DD) and trainNum.",
      },
      amount: {
        body: "orderAmount",
        required: true,
        as: fenOf,
        doc: "What it costs (yuan, two decimals at most).",
      },
      idempotencyKey: {
        body: "nonceStr",
        required: true,
        doc: "The call's own random text. No second order is ever made with the same one.",
      },
    },
    answer: payParams,
    errors: refusedAs({ RATE_LIMITED: "0026", UNAVAILABLE: "0026", INTERNAL: "0026" }),
  }),
  route(Rail.method.list, {
    ...needsSignature,
    path: "/api/v1/user/getOrderList",
    request: {
      page: { body: "pageNum", required: true },
      size: { body: "pageSize", required: true },
    },
    answer: {
      fields: {
        total: "total",
        pages: "pages",
        datas: { from: "orders", fields: order },
        pageNum: "page",
      },
    },
    example: { orders: [exampleOrder] },
  }),
  route(Rail.method.get, {
    ...plain,
    path: "/api/v1/user/getOrderDetails",
    request: { id: orderId },
    answer: { from: "order", fields: order },
    example: { order: exampleOrder },
  }),
  route(Rail.method.pay, {
    ...plain,
    path: "/api/v1/user/payOrder",
    request: {
      id: { body: "id", doc: "The order's id; or else its orderNo." },
      orderNo: { body: "orderNo" },
    },
    answer: payParams,
  }),
  route(Rail.method.cancel, {
    ...plain,
    path: "/api/v1/user/cancleOrder",
    request: { id: orderId },
    errors: refusedAs({ ORDER_STATE: "0012" }),
  }),
  route(Rail.method.refund, {
    ...plain,
    path: "/api/v1/user/returnAmount",
    request: { id: orderId },
    errors: refusedAs({ ORDER_STATE: "0011" }),
  }),
  route(Rail.method.confirm, {
    ...plain,
    path: "/api/v1/user/confirmeOrder",
    request: { id: orderId },
    errors: refusedAs({ ORDER_STATE: "0010" }),
  }),
  route(Rail.method.appConfig, {
    ...plain,
    path: "/api/v1/user/appConfig",
    request: { key: { body: "keyType", required: true, doc: "refuel_bag, for one." } },
    answer: { given: ({ value }) => JSON.parse(value) },
    example: { value: '[{"amount":"20","name":"…","picture":"1"}]' },
  }),
];

function inverse(words: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).map(([word, name]) => [name, word]));
}

function demandSignature(incoming: Incoming): Row | undefined {
  if (valuesAt(incoming, "body", "sign").length === 0) return refused("0018");
  return valuesAt(incoming, "body", "nonceStr").length === 0
    ? refused("0013", "nonceStr: missing")
    : undefined;
}
