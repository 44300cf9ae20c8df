// Plain JavaScript in a CommonJS scope, so that an old Node gets far enough to say what it lacks.
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    `liveuser needs Node 24 or later and this is ${process.version}: use npm start, which brings its own`,
  );
  process.exit(1);
}
// Starts after the first one need not compile everything anew.
require("node:module").enableCompileCache();
import("../src/serve.ts");
