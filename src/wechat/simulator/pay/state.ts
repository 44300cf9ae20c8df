/** What WeChat Pay remembers. */
export type PayState = Record<string, never>;

export function emptyPayState(): PayState {
  return {};
}
