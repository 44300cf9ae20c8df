import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What the server counts, for Prometheus. */
export interface Metrics {
  /** Counts a finished call. `code` is OK or the reason of its error. */
  count(method: string, code: string, door: string, ms: number): void;
  /** Requests of every kind that are being answered. */
  readonly inFlight: { inc(): void; dec(): void };
  readonly contentType: string;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/** Bounds of the histogram of durations (s). */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** A registry of its own, with what Node's process tells besides. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    name: "liveuser_calls_total",
    help: "Finished calls by method, code (OK or the error's reason) and door.",
    labelNames: ["method", "code", "door"],
    registers,
  });
  const durations = new Histogram({
    name: "liveuser_call_duration_seconds",
    help: "How long calls took, from the whole request to the answer.",
    labelNames: ["method"],
    buckets,
    registers,
  });
  const inFlight = new Gauge({
    name: "liveuser_requests_in_flight",
    help: "HTTP requests that are being answered.",
    registers,
  });
  return {
    count(method, code, door, ms) {
      calls.inc({ method, code, door });
      durations.observe({ method }, ms / 1000);
    },
    inFlight,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
