import { textOf } from "./errors";

/** What a page shows of a list that is read part by part. */
export interface Listed<T> {
  items: T[];
  /** Where to go on; empty at the end. */
  next: string;
  loading: boolean;
  /** Why it could not be read; empty when it could. */
  failure: string;
}

export interface Part<T> {
  items: T[];
  next: string;
}

export type ReadPart<T> = (from: string) => Promise<Part<T>>;

interface ListPage<T> {
  data: Listed<T>;
  setData(data: Partial<Listed<T>>): void;
}

/** A list of which nothing is read yet. */
export function unread<T>(): Listed<T> {
  return { items: [], next: "", loading: true, failure: "" };
}

/** Reads the first part. What is shown stays until it has come. */
export async function readFirst<T>(page: ListPage<T>, read: ReadPart<T>): Promise<void> {
  page.setData({ loading: true });
  try {
    page.setData({ ...(await read("")), failure: "", loading: false });
  } catch (error) {
    page.setData({ failure: textOf(error), loading: false });
  }
}

/** Reads the next part, if there is one and nothing is being read. */
export async function readNext<T>(page: ListPage<T>, read: ReadPart<T>): Promise<void> {
  const { items, next, loading } = page.data;
  if (loading || next === "") return;
  page.setData({ loading: true });
  try {
    const part = await read(next);
    // The list may have been read anew meanwhile.
    if (page.data.items !== items) return;
    page.setData({ items: [...items, ...part.items], next: part.next, failure: "" });
  } catch (error) {
    page.setData({ failure: textOf(error) });
  } finally {
    page.setData({ loading: false });
  }
}

/** A cursor of the server's, which ends with 0, as a list's `next`. */
export function nextOf(cursor: bigint | string): string {
  return String(cursor) === "0" ? "" : String(cursor);
}
