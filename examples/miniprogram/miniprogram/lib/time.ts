/** A time in unix ms as people read it, "2026-11-23 10:52"; empty for 0. */
export function dateTime(ms: number | bigint | string): string {
  const unix = Number(ms);
  if (unix === 0) return "";
  const at = new Date(unix);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
