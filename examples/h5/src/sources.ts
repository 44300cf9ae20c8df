import type { Reading } from "./wave.ts";

/** Something that gives readings until it is stopped. */
export interface Source {
  /** How many readings a second the wave is kept with (Hz). */
  readonly sampleRate: number;
  /** How many seconds of the wave pass in one second of the clock. */
  readonly speed: number;
  stop(): void;
}

const frame = { width: 40, height: 30 };
/** Brightness (0–255) in steps of the wave. */
const stepsPerLevel = 100;
/** How much more red than green light comes through a finger, at least. */
const fingerRed = 1.5;

/**
 * A finger on the lens: blood takes light away, so the picture gets darker with every beat. Its
 * brightness, upside down, is the pulse wave.
 * @throws Error in words, if there is no camera or it may not be used
 */
export async function camera(
  video: HTMLVideoElement,
  onReading: (reading: Reading) => void,
): Promise<Source> {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("这个浏览器不能使用摄像头。");
  const wanted = { facingMode: "environment", frameRate: { ideal: 30 }, width: { ideal: 320 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false }).catch(() => {
    throw new Error("没有摄像头，或没有使用权限。");
  });
  const [track] = stream.getVideoTracks();
  // Not every phone lets a page switch the light on; daylight does too.
  await track?.applyConstraints({ advanced: [{ torch: true } as MediaTrackConstraintSet] }).catch(() => {});
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  const canvas = Object.assign(document.createElement("canvas"), frame);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let running = true;
  const look = (): void => {
    if (!running || !context) return;
    context.drawImage(video, 0, 0, frame.width, frame.height);
    const { data } = context.getImageData(0, 0, frame.width, frame.height);
    let [red, green] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      red += data[i] ?? 0;
      green += data[i + 1] ?? 0;
    }
    const value = (128 - red / (data.length / 4)) * stepsPerLevel;
    onReading({ at: performance.now(), value, covered: red > fingerRed * green });
    next();
  };
  // Once a frame of the camera, where the browser tells of them; else once one of the screen.
  const next = (): unknown =>
    video.requestVideoFrameCallback ? video.requestVideoFrameCallback(look) : requestAnimationFrame(look);
  next();
  return {
    sampleRate: 30,
    speed: 1,
    stop() {
      running = false;
      for (const each of stream.getTracks()) each.stop();
      video.srcObject = null;
    },
  };
}

/** The demonstration's heart rate (beats a minute). */
const demoRate = 72;
const demoHz = 100;
const demoSpeed = 8;

/** A made-up wave, for those who want to see the page without a finger; it runs faster than a heart. */
export function demonstration(onReading: (reading: Reading) => void): Source {
  let made = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * demoSpeed * demoHz;
    for (; made < due; made++) onReading({ at: (made * 1000) / demoHz, value: demoValue(made / demoHz) });
  }, 40);
  return { sampleRate: demoHz, speed: demoSpeed, stop: () => clearInterval(timer) };
}

/** The made-up wave at a time (s): a beat and its echo, breath, a little unrest. */
export function demoValue(t: number): number {
  // The phase runs a little faster and slower with the breath, as a heart does.
  const beats = (t * demoRate) / 60 + 0.05 * Math.sin(2 * Math.PI * 0.25 * t);
  const phase = beats - Math.floor(beats);
  const bump = (at: number, width: number) => Math.exp(-(((phase - at) / width) ** 2));
  const breath = 250 * Math.sin(2 * Math.PI * 0.25 * t);
  const unrest = 30 * Math.sin(t * 211) * Math.cos(t * 97);
  return 2000 * bump(0.2, 0.09) + 700 * bump(0.52, 0.12) + breath + unrest;
}
