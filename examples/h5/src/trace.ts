import { bounds, type Reading } from "./wave.ts";

/** How much of the wave is seen (ms). */
const windowMs = 6000;

/** Draws the last seconds of a wave, as wide as its canvas is on the screen. */
export function drawTrace(canvas: HTMLCanvasElement, readings: readonly Reading[]): void {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, width, height);
  const end = readings.at(-1)?.at ?? 0;
  const seen = readings.filter(({ at }) => at > end - windowMs);
  if (seen.length < 2) return;
  const { least, most } = bounds(seen.map(({ value }) => value));
  const scale = most > least ? (height * 0.8) / (most - least) : 0;
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2 * ratio;
  context.lineJoin = "round";
  context.beginPath();
  for (const { at, value } of seen) {
    context.lineTo(width * (1 - (end - at) / windowMs), height * 0.9 - (value - least) * scale);
  }
  context.stroke();
}
