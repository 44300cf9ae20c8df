/** For how long a nonce is good once (ms). */
const onceInMs = 10 * 60_000;
/** How many are remembered for that long; of more, the oldest are forgotten. */
const remembered = 100_000;

/**
 * Remembers nonces, each for 10 to 20 minutes. In this process only: the same request sent to another
 * one is not noticed here.
 */
export function createNonces({ clock }: { clock: { now(): number } }) {
  let current = new Set<string>();
  let previous = new Set<string>();
  let since = clock.now();

  function turn(): void {
    const age = clock.now() - since;
    if (age < onceInMs && current.size < remembered) return;
    previous = age < 2 * onceInMs ? current : new Set();
    current = new Set();
    since = clock.now();
  }

  return {
    /** Whether it is the first use; from then on it is used. */
    use(nonce: string): boolean {
      turn();
      if (current.has(nonce) || previous.has(nonce)) return false;
      current.add(nonce);
      return true;
    },
  };
}
