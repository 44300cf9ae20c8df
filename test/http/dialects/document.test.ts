import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { Measurement } from "../../../gen/liveuser/measurement_pb.ts";
import { User } from "../../../gen/liveuser/user_pb.ts";
import { Wx } from "../../../gen/liveuser/wx_pb.ts";
import { commentedContract } from "../../../scripts/dialects/contract.ts";
import { dialectsDocument } from "../../../scripts/dialects/document.ts";
import { documentedMounts } from "../../../scripts/dialects/mounts.ts";
import { route } from "../../../src/http/dialects/table.ts";
import { dialect } from "./kit.ts";

const contract = commentedContract();

test("gen/DIALECTS.md is up to date (node scripts/dialects.ts)", () => {
  const written = readFileSync(resolve(import.meta.dirname, "../../../gen/DIALECTS.md"), "utf8");
  expect(written).toBe(dialectsDocument(documentedMounts(), contract));
});

test("a document says what a table holds", () => {
  const text = dialectsDocument(
    [
      {
        dialect: dialect(
          [
            route(User.method.addContact, {
              method: "POST",
              path: "/old/contacts",
              doc: "Adds somebody.",
              request: {
                contact: {
                  fields: {
                    name: { param: ["name", "fullName"], required: true },
                    passengerType: { outer: "linkmanType", as: { 成人: "ADULT", 儿童: "CHILD" } },
                    documentType: { value: "IDENTITY_CARD" },
                  },
                },
              },
            }),
            route(Measurement.method.analyze, {
              method: "GET",
              path: "/old/{record_id}/analyze",
              request: { id: { path: "record_id", doc: "Which." } },
              answer: { fields: { data: { from: "report", fields: { rate: "heartRate" } }, ok: true } },
              errors: { rows: { SIGNAL_POOR: { status: 422, text: "a|b" } } },
            }),
            route(Wx.method.authorizeUrl, {
              method: ["GET", "POST"],
              path: "/old/oauth",
              redirect: () => "/",
              cookies: [{ name: "sid", value: () => "" }],
            }),
          ],
          { name: "old", doc: "The old one.", credential: { cookie: "sid" } },
        ),
      },
    ],
    contract,
  );
  for (const part of [
    "## old\n\nThe old one.\n\nCredential: an access token of the contract as `sid` (cookie).\n",
    "| `GET, POST /old/oauth` | Wx.AuthorizeUrl |",
    "`User.AddContact`: Adds somebody.",
    "| `name` or `fullName` | body or query | string | yes | Name as in the document. |",
    "| `linkmanType` | body | 成人 / 儿童 |  |  |",
    "| `record_id` | path | integer |  | Which. |",
    '```json\n{\n  "data": {\n    "rate": 1\n  },\n  "ok": true\n}\n```',
    "| `data.rate` | Beats a minute. |",
    '| 422 | `{"status":422,"reason":"SIGNAL_POOR","text":"a\\|b"}` | The signal is too poor for a report',
    "It answers 302, a redirect. It sets or deletes cookies: `sid`.",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("documentType");
});
