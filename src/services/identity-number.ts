const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const checkDigits = "10X98765432";

/**
 * A resident identity number in its one spelling, with a capital X.
 * Nothing when it is none: 17 digits with a date of birth that exists and the check digit of
 * GB 11643-1999 (ISO 7064, MOD 11-2).
 */
export function identityNumber(text: string): string | undefined {
  const number = text.toUpperCase();
  if (!/^\d{17}[\dX]$/.test(number)) return undefined;
  const birth = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`;
  if (!isDate(birth)) return undefined;
  const sum = weights.reduce((total, weight, i) => total + weight * Number(number[i]), 0);
  return number[17] === checkDigits[sum % 11] ? number : undefined;
}

/** Whether `YYYY-MM-DD` is a day of the calendar. */
export function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
