import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import type { Binding } from "../../../gen/liveuser/user_pb.ts";
import { flagged, hallErrors, inData, noticeErrors, ticketErrors } from "./hall-errors.ts";
import { shanghaiTime } from "./shanghai-time.ts";
import { type AnswerTable, type Dialect, route } from "./table.ts";

const openIdNames = ["openid", "open_id"];
const openIdDoc = { required: true, doc: "The person's openid." };
const openId = { param: openIdNames, ...openIdDoc };
const deviceNo = { param: ["deviceno", "device_no"], required: true };

/** What the contract calls a kind of device. */
const kinds = { mobile: "手机", landline: "固话", device: "设备" };

const account = {
  deviceno: "deviceNo",
  devicename: { from: "deviceName", as: kinds, doc: "手机, 固话 or what else it is called." },
  bindtime: { from: "boundAt", as: shanghaiTime, doc: "When it was bound, in China." },
  bindtdate: { from: "boundAt", as: shanghaiTime, doc: "The same." },
  bpn: "bpn",
  sort: { value: "1" },
} as const satisfies AnswerTable<Binding>;

/**
 * The open platform of a telecom hall for its partners. HTTP's status is always 200; failures stand in
 * the body.
 *
 * What can't be as it was: WeChat's `state` in the address of getBaseUrl is no page but a key that stands
 * for the partner and the page, since a page there would send anybody anywhere.
 */
export function hall({ clock }: { clock: { now(): number } }): Dialect {
  return {
    name: "hall",
    doc: hallDocument,
    credential: { query: "access_token" },
    prefix: "/service/",
    routes: [
      route(Hall.method.token, {
        method: "GET",
        path: "/service/1.0/access/token",
        request: {
          appid: { query: "appid", required: true },
          secret: { query: "secret", required: true },
        },
        answer: {
          fields: {
            data: { from: "accessToken", doc: "The partner's access token, good for 7200 s." },
            status: 200,
            info: 0,
          },
        },
        errors: inData,
      }),
      route(Hall.method.authorizeUrl, {
        method: "POST",
        path: "/service/wxoauth/2.0/getBaseUrl",
        request: { state: { param: "state", required: true } },
        answer: { fields: { status: 200, redirect: "redirect" } },
      }),
      route(Hall.method.openidByCode, {
        method: "POST",
        path: "/service/wxoauth/2.0/getOpenidByCode",
        request: { code: { param: "code", required: true } },
        answer: { fields: { status: 200, openid: "openId" } },
      }),
      route(Hall.method.getUser, {
        method: "GET",
        path: "/service/1.0/userinfo",
        request: { openId: { query: openIdNames, ...openIdDoc } },
        answer: {
          fields: {
            result: {
              from: "user",
              fields: {
                _id: "id",
                openid: "openId",
                nickname: "nickname",
                headimg: "headImage",
                __v: 0,
                updateAt: { from: "updatedAt", as: isoTime, doc: "ISO 8601." },
                createAt: { from: "createdAt", as: isoTime, doc: "ISO 8601." },
                accounts: { from: "accounts", fields: account },
              },
            },
            flag: 0,
          },
        },
        errors: flagged,
      }),
      route(Hall.method.sendPrizeNotice, {
        method: "POST",
        path: "/service/1.0/sendPrizeNotice",
        request: {
          openId,
          first: { param: "first" },
          activity: { param: "activity" },
          prize: { param: "prize" },
          remark: { param: "remark" },
          url: { param: "url" },
        },
        answer: { fields: { status: 200, result: { value: "发送成功" } } },
        errors: noticeErrors,
      }),
      route(Hall.method.bind, {
        method: "POST",
        path: "/service/weekBind/create",
        request: {
          openId,
          deviceNo,
          operators: { param: "operators" },
          qcellcore: { param: "qcellcore" },
          channel: { param: "channel" },
          from: { param: "from" },
        },
        answer: { fields: { data: { value: "success" }, status: 200, info: 0 } },
        errors: inData,
      }),
      route(Hall.method.reportOrder, {
        method: "POST",
        path: "/service/flowOrders/create",
        request: {
          openId,
          deviceNo,
          trafficPackageName: { param: "traffic_package_name", required: true },
          transactionDate: { param: "transaction_date" },
          channel: { param: "channel" },
          from: { param: "from" },
        },
        answer: {
          fields: { data: { from: "orderNo", doc: "Our number of the order." }, status: 200, info: 0 },
        },
        errors: inData,
      }),
      route(Hall.method.mobileByTicket, {
        method: "GET",
        path: "/service/appOauthen/Ticket",
        request: { ticket: { query: "ticket", required: true } },
        answer: { fields: { errcode: 0, data: { fields: { mobile: "mobile" } } } },
        errors: ticketErrors(clock),
      }),
    ],
    errors: hallErrors,
  };
}

const hallDocument = [
  "微厅开放平台: the open platform of a telecom hall for its partners.",
  "HTTP's status is 200 whatever happens; what happened stands in the body.",
  "The address that getBaseUrl answers leads a visitor through WeChat to `GET /service/wxoauth/2.0/wxcode?code=…&state=…` of this server, and from there (302) to the partner's page, with the hall's one-time code in its query as `code`; without one if the visitor refused.",
  "WeChat's `state` is no page but a key that stands for the partner and the page: an altered one leads nowhere.",
  "Pages have to be on the partner's list.",
].join(" ");

function isoTime(ms: bigint): string {
  return new Date(Number(ms)).toISOString();
}
