/** Writes gen/DIALECTS.md, the document of the old systems' URLs, from their tables and the contract's comments. */
import { writeFileSync } from "node:fs";
import { dialects } from "../src/http/dialects/index.ts";
import { commentedContract } from "./dialects/contract.ts";
import { dialectsDocument } from "./dialects/document.ts";

const mounts = dialects({ withoutCredential: { kind: "app", appid: "sandbox-service", role: "service" } });
writeFileSync("gen/DIALECTS.md", dialectsDocument(mounts, commentedContract()));
