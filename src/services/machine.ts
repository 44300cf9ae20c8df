/**
 * What can happen to a thing, as one table: from which states an event leads to which. The services
 * write by it, and scripts/diagrams.ts draws it.
 */
export interface Machine<S extends string, E extends string> {
  /** The state that a new one is in. */
  readonly start: S;
  /** Every state with what it means, in the order in which they are drawn. */
  readonly states: Readonly<Record<S, string>>;
  readonly events: Readonly<Record<E, { readonly from: readonly S[]; readonly to: S }>>;
}
