import { Measurement, type MeasurementRecord } from "../../../gen/liveuser/measurement_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { sidName } from "../cookies.ts";
import { type AnswerTable, type Route, route } from "./table.ts";

/** A measurement; `record_id` is the document's name for its id. */
const record = {
  id: "id",
  record_id: { from: "id", doc: "The same, by the name that the URLs have for it." },
  sample_rate: "sampleRate",
  sample_count: "sampleCount",
  remark: "remark",
  has_paid: "hasPaid",
  price: "price",
  created_at: "createdAt",
} as const satisfies AnswerTable<MeasurementRecord>;

const id = { path: "record_id" } as const;

/** A picture of somebody's body: for no cache; opened as a document, it runs nothing. */
const picture = {
  "cache-control": "private, no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
};

export const pulseRoutes: readonly Route[] = [
  route(Wx.method.getJsSdkConfig, {
    method: "POST",
    path: "/wx/api/jssdk/config",
    request: { url: { param: "url", required: true } },
    answer: {
      fields: { appId: "appId", nonceStr: "nonceStr", timestamp: "timestamp", signature: "signature" },
    },
  }),
  route(Measurement.method.list, {
    method: "GET",
    path: "/wx/api/measurements",
    request: {
      from: { query: ["from", "start", "start_time"] },
      to: { query: ["to", "end", "end_time"] },
      cursor: { query: "cursor" },
      limit: { query: ["limit", "size"] },
    },
    answer: { fields: { measurements: { from: "measurements", fields: record }, cursor: "cursor" } },
  }),
  route(Measurement.method.record, {
    method: "POST",
    path: "/wx/api/measurements",
    request: {
      samples: { body: "samples", required: true },
      sampleRate: { body: ["sample_rate", "sampleRate"], required: true },
      remark: { body: "remark" },
      idempotencyKey: { body: ["idempotency_key", "idempotencyKey"] },
    },
    answer: { fields: { measurement: { from: "measurement", fields: record } } },
  }),
  route(Measurement.method.get, {
    method: "GET",
    path: "/wx/api/measurements/{record_id}",
    request: { id },
    answer: {
      fields: { measurement: { from: "measurement", fields: { ...record, samples: "samples" } } },
    },
  }),
  route(Measurement.method.delete, {
    method: "DELETE",
    path: "/wx/api/measurements/{record_id}",
    request: { id },
    answer: { fields: {} },
  }),
  route(Measurement.method.picture, {
    method: "GET",
    path: "/pulse/{id}.svg",
    request: { id: { path: "id" } },
    text: ({ reply }) => reply.svg,
    textType: "image/svg+xml",
    headers: picture,
  }),
  route(Measurement.method.analyze, {
    method: "GET",
    path: "/wx/api/measurements/{record_id}/analyze",
    request: { id },
    answer: {
      fields: {
        report: {
          from: "report",
          fields: {
            id: "id",
            record_id: { from: "id", doc: "The same, by the name that the URLs have for it." },
            heart_rate: "heartRate",
            beat_intervals: "beatIntervals",
            sdnn: "sdnn",
            rmssd: "rmssd",
            pnn50: "pnn50",
            regularity: "regularity",
            quality: "quality",
            summary: "summary",
            method: "method",
            beats: "beats",
            rejected: { from: "rejected", fields: { from: "from", to: "to" } },
          },
        },
      },
    },
  }),
  route(Measurement.method.remark, {
    method: "POST",
    path: "/wx/api/measurements/{record_id}/remark",
    request: { id, remark: { param: "remark" } },
    answer: { fields: { measurement: { from: "measurement", fields: record } } },
  }),
  route(Measurement.method.pay, {
    method: "POST",
    path: "/wx/api/payment",
    request: { id: { param: ["record_id", "recordId", "id"], required: true } },
    answer: {
      fields: {
        measurement: { from: "measurement", fields: record },
        pay: {
          from: "pay",
          fields: {
            time_stamp: "timeStamp",
            nonce_str: "nonceStr",
            package: "package",
            sign_type: "signType",
            pay_sign: "paySign",
          },
        },
      },
    },
  }),
  route(Wx.method.logout, {
    method: "POST",
    path: "/wx/logout",
    doc: "Ends the session. Of somebody who is not signed in nothing is asked.",
    answer: { fields: {} },
    cookies: [{ name: sidName, value: () => undefined }],
    errors: {
      rows: { TOKEN_MISSING: { status: 200, code: "" }, SESSION_REVOKED: { status: 200, code: "" } },
    },
  }),
];
