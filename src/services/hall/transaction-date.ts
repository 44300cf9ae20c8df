import { shanghaiDay } from "../../auth/apps.ts";
import { isDate } from "../identity-number.ts";

const spellings = [
  /^(?<year>\d{4})(?<sign>[-/.])(?<month>\d{1,2})\k<sign>(?<day>\d{1,2})(?<rest>\D.*)?$/,
  /^(?<year>\d{4})年(?<month>\d{1,2})月(?<day>\d{1,2})日(?<rest>.*)$/,
  /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})(?<rest>.*)$/,
];
/** 08:40, 08:40:34.5, 084034, and how far that is from UTC. */
const timeOfDay =
  /^(?:T|\s+)?(?<hour>[01]?\d|2[0-3]):?(?<minute>[0-5]\d)(?::?[0-5]\d(?:\.\d{1,9})?)?\s*(?<offset>Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?$/i;

/**
 * The day that a text names, as YYYY-MM-DD: with - / . or 年月日 or no sign between its parts, with or without
 * a time of day. A time with an offset (ISO 8601) counts as Shanghai's day at that moment. Nothing if it
 * is no day of the calendar.
 */
export function dayOf(text: string): string | undefined {
  const parts = spellings.map((spelling) => spelling.exec(text.trim())?.groups).find(Boolean);
  const { year = "", month = "", day = "", rest = "" } = parts ?? {};
  const named = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  if (!isDate(named)) return undefined;
  if (rest === "") return named;
  const time = timeOfDay.exec(rest)?.groups;
  if (!time) return undefined;
  if (time.offset === undefined) return named;
  const minutes = Number(time.hour) * 60 + Number(time.minute) - minutesOf(time.offset);
  return shanghaiDay(Date.parse(`${named}T00:00:00Z`) + minutes * 60_000).name;
}

/** How far `+08:00`, `+0800` or `Z` is ahead of UTC. */
function minutesOf(offset: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(offset) ?? [];
  const total = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return sign === "-" ? -total : total;
}
