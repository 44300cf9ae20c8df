import { readFileSync } from "node:fs";
import { runNodeJs } from "@bufbuild/protoplugin";
import { openapiPlugin } from "./plugin.ts";

const { name, version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { name: string; version: string };

runNodeJs(openapiPlugin({ title: name, version }));
