type Pair = readonly [name: string, value: string];
type Init = Headers | Iterable<Pair> | Record<string, string>;

/** What fetch's Headers does that Connect uses (https://fetch.spec.whatwg.org/#headers-class). */
export class Headers {
  readonly #values = new Map<string, string>();

  constructor(init: Init = {}) {
    const pairs = Symbol.iterator in init ? (init as Iterable<Pair>) : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name: string, value: string): void {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${value}`);
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value).trim());
  }

  forEach(callback: (value: string, name: string) => void): void {
    this.#values.forEach(callback);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}
