const shanghaiMs = 8 * 3600_000;

/** Unix ms as `YYYY-MM-DD HH:mm:ss` in China. */
export function shanghaiTime(ms: number | bigint): string {
  return new Date(Number(ms) + shanghaiMs).toISOString().slice(0, 19).replace("T", " ");
}
