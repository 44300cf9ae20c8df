/** Writes gen/DIALECTS.md, the document of the old systems' URLs, from their tables and the contract's comments. */
import { writeFileSync } from "node:fs";
import { commentedContract } from "./dialects/contract.ts";
import { dialectsDocument } from "./dialects/document.ts";
import { documentedMounts } from "./dialects/mounts.ts";

writeFileSync("gen/DIALECTS.md", dialectsDocument(documentedMounts(), commentedContract()));
