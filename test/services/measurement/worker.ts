/** A task that goes wrong in the way it is told to. */
export default async function ({ how, value }: { how: string; value: number }): Promise<number> {
  if (how === "exit") process.exit(3);
  if (how === "throw") throw new RangeError("as it was told");
  if (how === "burst") setTimeout(() => Promise.reject(new Error("out of nowhere")));
  if (how === "hang") for (;;);
  if (how === "burst" || how === "wait") await new Promise(() => {});
  if (how === "settings") return Object.keys(process.env).length;
  return value;
}
