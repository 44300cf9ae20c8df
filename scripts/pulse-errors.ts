/**
 * Measures the built-in pulse engine on waves whose truth is known, and writes the table and the picture of
 * its errors into its README: `npm run pulse:errors`. The same engine gives the same files.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { builtIn } from "../src/services/measurement/engine/built-in.ts";
import { makeNoise, makeWave } from "../test/services/measurement/synth.ts";

const folder = resolve(import.meta.dirname, "../src/services/measurement/engine");
const heartRates = Array.from({ length: 15 }, (_, i) => 40 + 10 * i); // beats a minute
const noises = [30, 20, 15, 10, 5, 0, -5]; // dB
const sampleRates = [20, 50, 250]; // Hz
const lengths = [15, 40]; // s
const diastolics = [0.2, 0.6];

interface Cell {
  noise: number;
  heartRate: number;
  /** Of what was reported, beats a minute. */
  errors: number[];
  tried: number;
}

function measured(noise: number, heartRate: number): Cell {
  const cell: Cell = { noise, heartRate, errors: [], tried: 0 };
  for (const sampleRate of sampleRates) {
    for (const seconds of lengths) {
      for (const diastolic of diastolics) {
        const seed = cell.tried + 100 * heartRate + 100_000 * (noise + 10);
        const shape = { diastolic, drift: 1, missed: 0.05 };
        const wave = makeWave({ seed, heartRate, sampleRate, seconds, noise, ...shape });
        const analysis = builtIn.analyze(wave);
        cell.tried++;
        if (analysis.ok) cell.errors.push(Math.abs(analysis.report.heartRate - wave.trueRate));
      }
    }
  }
  return cell;
}

/** Mean and largest error and the share without a report, of many cells. */
function summary(cells: Cell[]) {
  const errors = cells.flatMap((cell) => cell.errors);
  const tried = cells.reduce((sum, cell) => sum + cell.tried, 0);
  return {
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    largest: errors.reduce((most, error) => Math.max(most, error), 0),
    refused: 1 - errors.length / tried,
  };
}

/** Rows of heart rates, columns of noise: mean / largest error, and what got no report. */
function table(cells: Cell[]): string {
  const bands = [
    [40, 60],
    [70, 90],
    [100, 120],
    [130, 150],
    [160, 180],
    [40, 180],
  ] as const;
  const rows = bands.map(([from, to]) => {
    const columns = noises.map((noise) => {
      const within = cells.filter(
        (cell) => cell.noise === noise && cell.heartRate >= from && cell.heartRate <= to,
      );
      const { mean, largest, refused } = summary(within);
      const figures = refused < 1 ? `${mean.toFixed(2)} / ${largest.toFixed(2)}` : "–";
      return refused > 0 ? `${figures}, ${percent(refused)} too poor` : figures;
    });
    return `| ${from === 40 && to === 180 ? "all" : `${from}–${to}`} | ${columns.join(" | ")} |`;
  });
  const head = `| beats a minute | ${noises.map((noise) => `${noise} dB`).join(" | ")} |`;
  return [head, `|---|${noises.map(() => "---|").join("")}`, ...rows].join("\n");
}

/** How many waves of pure noise were taken for a pulse. */
function falseAlarms(): string {
  const colours = ["white", "pink", "brown", "blue", "violet"] as const;
  let tried = 0;
  let reported = 0;
  for (const colour of colours) {
    for (let seed = 0; seed < 100; seed++) {
      const sampleRate = [20, 50, 100, 250][seed % 4] as number;
      const seconds = [8, 10, 15, 30, 40][seed % 5] as number;
      tried++;
      if (builtIn.analyze(makeNoise(colour, sampleRate, { seconds, seed })).ok) reported++;
    }
  }
  return `Of ${tried} waves of pure noise (${colours.join(", ")}; 8–40 s) ${reported} were taken for a pulse.`;
}

const ink = "#1c2733";
const faint = "#5c6b7a";

/** Two maps over rate and noise: the mean error, and the share that got no report. */
function picture(cells: Cell[]): string {
  const parts = [
    map(cells, 0, {
      title: "Mean error (beats a minute)",
      value: (cell) => (cell.errors.length > 0 ? summary([cell]).mean : undefined),
      most: 1,
      written: (value) => value.toFixed(2),
      colour: [11, 110, 153],
    }),
    map(cells, 290, {
      title: "Answered “too poor” (share of waves)",
      value: (cell) => 1 - cell.errors.length / cell.tried,
      most: 1,
      written: (value) => (value === 0 ? "" : percent(value)),
      colour: [178, 94, 9],
    }),
  ];
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 580" width="760" role="img"',
    ' aria-labelledby="errors-title" font-family="system-ui, sans-serif">',
    '<title id="errors-title">Errors of the pulse engine over heart rate and noise</title>',
    '<rect width="760" height="580" rx="10" fill="#ffffff"/>',
    ...parts,
    "</svg>\n",
  ].join("");
}

interface Shown {
  title: string;
  value: (cell: Cell) => number | undefined;
  /** The value that gets the full colour. */
  most: number;
  written: (value: number) => string;
  colour: [red: number, green: number, blue: number];
}

function map(cells: Cell[], top: number, { title, value, most, written, colour }: Shown): string {
  const [left, w, h] = [104, 42, 26];
  const y = (row: number) => top + 48 + row * h;
  const parts = [label(left, top + 32, title, { size: 15, weight: 600 })];
  noises.forEach((noise, row) => {
    parts.push(label(left - 10, y(row) + 17, `${noise} dB`, { size: 12, anchor: "end" }));
    heartRates.forEach((heartRate, column) => {
      const cell = cells.find((one) => one.noise === noise && one.heartRate === heartRate) as Cell;
      const shown = value(cell);
      const depth = shown === undefined ? 0 : Math.min(1, shown / most);
      const tone = colour.map((channel) => Math.round(255 - (255 - channel) * (0.06 + 0.94 * depth)));
      const fill = shown === undefined ? "#eceff2" : `rgb(${tone.join(",")})`;
      const x = left + column * w;
      parts.push(`<rect x="${x}" y="${y(row)}" width="${w - 2}" height="${h - 2}" rx="3" fill="${fill}"/>`);
      const words = shown === undefined ? "–" : written(shown);
      const style = { size: 11, anchor: "middle", fill: depth > 0.55 ? "#ffffff" : ink } as const;
      if (words) parts.push(label(x + w / 2 - 1, y(row) + 16, words, style));
    });
  });
  heartRates.forEach((heartRate, column) => {
    const style = { size: 12, anchor: "middle" } as const;
    parts.push(label(left + column * w + w / 2, y(noises.length) + 14, String(heartRate), style));
  });
  const middle = left + (heartRates.length * w) / 2;
  const axis = { size: 12, anchor: "middle", fill: faint } as const;
  parts.push(label(middle, y(noises.length) + 32, "heart rate (beats a minute)", axis));
  const turned = `<g transform="translate(22 ${y(noises.length / 2)}) rotate(-90)">`;
  parts.push(`${turned}${label(0, 0, "pulse over noise", axis)}</g>`);
  return parts.join("");
}

interface Style {
  size: number;
  anchor?: "middle" | "end";
  fill?: string;
  weight?: number;
}

function label(x: number, y: number, words: string, { size, anchor, fill = ink, weight }: Style): string {
  const place = anchor ? ` text-anchor="${anchor}"` : "";
  const heavy = weight ? ` font-weight="${weight}"` : "";
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}"${place}${heavy}>${words}</text>`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

const cells = noises.flatMap((noise) => heartRates.map((heartRate) => measured(noise, heartRate)));
const readme = resolve(folder, "README.md");
const marks = /(<!-- errors -->\n).*?(<!-- \/errors -->)/s;
const text = readFileSync(readme, "utf8");
if (!marks.test(text)) throw new Error("the README has no place for the errors");
const written = `${table(cells)}\n\n${falseAlarms()}\n`;
writeFileSync(
  readme,
  text.replace(marks, (_, open: string, close: string) => `${open}${written}${close}`),
);
writeFileSync(resolve(folder, "errors.svg"), picture(cells));
console.log(written);
