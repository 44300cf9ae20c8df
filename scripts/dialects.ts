/** Writes gen/DIALECTS.md, the document of the old systems' URLs, from their tables and the contract's comments. */
import { writeFileSync } from "node:fs";
import { dialects } from "../src/http/dialects/index.ts";
import { railSandboxKey } from "../src/http/dialects/rail.ts";
import { commentedContract } from "./dialects/contract.ts";
import { dialectsDocument } from "./dialects/document.ts";

const mounts = dialects({
  withoutCredential: { kind: "app", appid: "sandbox-service", role: "service" },
  railKey: railSandboxKey,
  clock: Date,
});
writeFileSync("gen/DIALECTS.md", dialectsDocument(mounts, commentedContract()));
