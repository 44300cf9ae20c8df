import type { App } from "../../app.ts";
import * as seats from "./seats.ts";

/** The sandbox's seats: scenes 1 to 20, in two halls. */
const samples = Array.from({ length: 20 }, (_, i) => ({
  sceneId: i + 1,
  cinemaName: "Sandbox VR Cinema",
  hallName: i < 10 ? "Hall 1" : "Hall 2",
  seatNumber: String((i % 10) + 1).padStart(3, "0"),
  vrClientId: `vr-${String(i + 1).padStart(3, "0")}`,
}));

/** Puts up the sandbox's seats, where they are missing. */
export async function seedSeats({ store }: Pick<App, "store">): Promise<void> {
  const known = await seats.list(store.read, 0, samples.length);
  if (known.length < samples.length) await store.tx((tx) => seats.add(tx, samples));
}
