import { Hall } from "../../../gen/liveuser/hall_pb.ts";
import { type Dialect, route } from "./table.ts";

/**
 * The open platform of a telecom hall for its partners. HTTP's status is always 200; failures stand in
 * the body.
 */
export const hall: Dialect = {
  name: "hall",
  doc: "微厅开放平台",
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
      errors: { write: ({ text }) => ({ json: { data: text, status: 0, info: 0 } }) },
    }),
  ],
  errors: {
    rows: {},
    otherwise: () => ({ code: 40005 }),
    write: ({ code = 0, text }) => ({ json: { status: code, errMsg: text } }),
  },
};
