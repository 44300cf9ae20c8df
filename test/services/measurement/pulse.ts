import type { MeasurementRecord } from "../../../gen/liveuser/measurement_pb.ts";
import type { Caller, TestApp } from "../../app.ts";
import { makeWave } from "./synth.ts";

/** Half a minute of a good signal, as a client sends it. */
export function goodWave({ sampleRate = 100 } = {}) {
  const { samples, trueRate } = makeWave({ seed: 1, heartRate: 72, sampleRate, seconds: 30, noise: 25 });
  return { samples: Array.from(samples), sampleRate, trueRate };
}

type Request = Parameters<Caller["measurement"]["record"]>[0];

/** Records a wave; three samples unless told otherwise. */
export async function recorded(caller: Caller, request: Request = {}): Promise<MeasurementRecord> {
  const { measurement } = await caller.measurement.record({
    samples: [1, -2, 3],
    sampleRate: 100,
    ...request,
  });
  return measurement as MeasurementRecord;
}

/** Pays at WeChat what was prepaid. */
export async function settle(app: TestApp, params: { package: string } | undefined): Promise<void> {
  await app.sim("/sim/pay", { prepay_id: params?.package.replace("prepay_id=", "") });
}
