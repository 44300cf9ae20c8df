const usualSize = 20;

/** How many rows a page has; 0 asks for the usual size. */
export function pageSize(limit: number): number {
  return limit || usualSize;
}

/**
 * Cuts `rows` to a page. They were read with a limit of `size + 1`: a row too many says that there is
 * another page, and the last row's id is where it begins. A cursor of 0 says that there is none.
 */
export function pageOf<R extends { id: number }>(rows: R[], size: number): { rows: R[]; cursor: bigint } {
  if (rows.length <= size) return { rows, cursor: 0n };
  const page = rows.slice(0, size);
  return { rows: page, cursor: BigInt(page[size - 1]?.id ?? 0) };
}
