import { reasonOf } from "liveuser-client";
import { catalog } from "./session";
import type { Goods } from "./views";
import { goodsView } from "./views";

const known = new Map<string, Goods>();

/** Keeps what a list brought, so that it need not be asked for again. */
export function rememberMovies(movies: readonly Goods[]): void {
  for (const movie of movies) known.set(movie.id, movie);
}

/** The movies with these ids, also those that are not on any more. */
export async function moviesOf(ids: readonly string[]): Promise<Goods[]> {
  const missing = [...new Set(ids)].filter((id) => !known.has(id));
  rememberMovies(await Promise.all(missing.map(read)));
  return ids.map((id) => known.get(id) ?? nameless(id));
}

async function read(productId: string): Promise<Goods> {
  try {
    const { product } = await catalog.get({ productId });
    return product ? goodsView(product) : nameless(productId);
  } catch (error) {
    if (reasonOf(error) === "PRODUCT_NOT_FOUND") return nameless(productId);
    throw error;
  }
}

function nameless(id: string): Goods {
  return { id, name: id, initial: "", note: "", fen: 0, price: "" };
}
