/** The median; NaN of nothing. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** For each value the median of it and its neighbours, `reach` of them on either side where there are. */
export function runningMedian(values: ArrayLike<number>, reach: number): Float64Array {
  const window: number[] = []; // in order of size
  const place = (value: number) => {
    let [low, high] = [0, window.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((window[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const medians = new Float64Array(values.length);
  for (let i = -reach; i < values.length; i++) {
    const coming = values[i + reach];
    const going = values[i - reach - 1];
    if (coming !== undefined) window.splice(place(coming), 0, coming);
    if (going !== undefined) window.splice(place(going), 1);
    if (i < 0) continue;
    const half = window.length >> 1;
    const upper = window[half] as number;
    medians[i] = window.length % 2 === 1 ? upper : ((window[half - 1] as number) + upper) / 2;
  }
  return medians;
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}

/** The mean; NaN of nothing. */
export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}

/** Sums of everything before each place: the sum over from…to-1 is sums[to] - sums[from]. */
export function runningSums(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = (sums[i] as number) + (values[i] as number);
  return sums;
}

/** Where a parabola through three neighbouring values has its top, from the middle one (-0.5 to 0.5). */
export function vertex(left: number, middle: number, right: number): number {
  const bend = left - 2 * middle + right;
  return bend < 0 ? Math.max(-0.5, Math.min(0.5, (left - right) / (2 * bend))) : 0;
}
