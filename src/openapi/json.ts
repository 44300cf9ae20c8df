/** A JSON object of the document. Entries that are undefined are not written. */
export type Json = Record<string, unknown>;
