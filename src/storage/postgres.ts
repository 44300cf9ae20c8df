import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { backoff } from "./backoff.ts";
import { isConflict, isIdConflict, translate, unavailable } from "./errors.ts";
import { CREATE_APPLIED, type Migration, migrationsOf, missing } from "./migrations.ts";
import { type Client, type Connection, type Pool, postgresDb } from "./postgres-session.ts";
import { postgresTables } from "./postgres-tables.ts";
import type { Renode, Store, Tx, WriteDb } from "./store.ts";
import { closedError, nestedError, swallowedError, type Turn, turnTx } from "./turn.ts";

/** How often a transaction is tried that conflicts with others, and how often after an id was taken. */
const TRIES = 10;
const RENODES = 2;
/** ms */
const CONNECT_MS = 5000;
const STATEMENT_MS = 10_000;
const UNIQUE_VIOLATION = "23505";
const UNDEFINED_TABLE = "42P01";

/**
 * A pool for `postgres://…`. The server ends a statement after 10 s and a transaction that does nothing
 * for 10 s; should the server itself be away, the client gives up after 15 s.
 */
export function postgresPool(url: string): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 16,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + CONNECT_MS,
    keepAlive: true,
  });
  // A connection that breaks also fails its query, which is where it is dealt with.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool as Pool;
}

/**
 * The store on PostgreSQL, or what speaks its protocol: no sequences, no advisory locks, no notifications.
 * Throws when migrations are missing; they are applied by `migratePostgres`. The store closes the pool.
 */
export async function postgresStore({ pool, ids }: { pool: Pool; ids: Renode }): Promise<Store> {
  const lacking = missing(migrationsOf("postgres"), await appliedTags(pool));
  if (lacking.length) {
    throw new Error(`the database lacks ${lacking.length} migration(s): run \`npm run migrate\``);
  }
  const insideOf = new AsyncLocalStorage<Turn>();
  const transactions = new WeakMap<Client, ClientState>();
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  async function once<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    const state = transactions.get(client) ?? clientState(client);
    transactions.set(client, state);
    const turn: Turn = { open: true };
    let broken = false;
    try {
      await client.query("begin isolation level read committed");
      state.turn = turn;
      const value = await insideOf.run(turn, body, turnTx(turn, state.db, postgresTables));
      turn.open = false;
      // PostgreSQL would answer this COMMIT with a rollback, and no error.
      if (turn.failure) throw swallowedError(turn.failure);
      await client.query("commit");
      return value;
    } catch (error) {
      turn.open = false;
      await client.query("rollback").catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      state.turn = undefined;
      client.release(broken);
    }
  }

  async function untilDone<T>(body: (tx: Tx) => Promise<T>): Promise<T> {
    for (let tries = 1, renodes = 0; ; ) {
      try {
        return await once(body);
      } catch (error) {
        if (isIdConflict(error) && renodes++ < RENODES) ids.renode();
        else if (!isConflict(error)) throw translate(error);
        else if (tries === TRIES) throw unavailable(error);
        else await backoff(tries++);
      }
    }
  }

  async function close(): Promise<void> {
    // The pool would leave those without a connection to their timeout.
    await Promise.allSettled(running);
    await pool.end();
  }

  return {
    kind: "postgres",
    read: { db: postgresDb(pool, () => {}), t: postgresTables },
    async tx(body) {
      if (insideOf.getStore()?.open) throw nestedError();
      if (closing) throw unavailable(closedError());
      const run = untilDone(body);
      running.add(run);
      return run.finally(() => running.delete(run));
    },
    async ping() {
      await pool.query("select 1").catch((error) => {
        throw translate(error);
      });
    },
    close: () => (closing ??= close()),
  };
}

interface ClientState {
  /** Kept with its client, so that prepared statements live as long as the connection. */
  db: WriteDb;
  turn?: Turn;
}

function clientState(client: Client): ClientState {
  const state: ClientState = {
    db: postgresDb(client, (error) => {
      if (state.turn) state.turn.failure ??= { error };
    }),
  };
  return state;
}

/** Applies what is missing; gives the tags of what was. Several may run at the same time. */
export async function migratePostgres(pool: Pool): Promise<string[]> {
  const lacking = missing(migrationsOf("postgres"), await appliedTags(pool));
  if (!lacking.length) return [];
  // Two that create the table at once: one fails on the catalogue's own keys, and the table exists.
  await pool.query(CREATE_APPLIED).catch(unless(UNIQUE_VIOLATION));
  const applied: string[] = [];
  const client = await pool.connect();
  try {
    for (const migration of lacking) if (await applyOne(client, migration)) applied.push(migration.tag);
  } finally {
    client.release();
  }
  return applied;
}

/** False when another process applied it. */
async function applyOne(client: Client, { tag, statements }: Migration): Promise<boolean> {
  await client.query("begin");
  try {
    // The claim: another that makes the same waits here, and fails once this one is committed.
    await client.query({ text: "insert into schema_migrations values ($1, $2)" }, [tag, Date.now()]);
    // drizzle-kit names the schema in foreign keys; which one it is, is the connection's choice.
    for (const statement of statements()) await client.query(statement.replaceAll('"public".', ""));
    await client.query("commit");
    return true;
  } catch (error) {
    await client.query("rollback");
    if ((error as pg.DatabaseError).table === "schema_migrations")
      return unless(UNIQUE_VIOLATION)(error) ?? false;
    throw error;
  }
}

async function appliedTags(connection: Connection): Promise<string[]> {
  const found = await connection.query("select tag from schema_migrations").catch(unless(UNDEFINED_TABLE));
  return (found?.rows as { tag: string }[] | undefined)?.map(({ tag }) => tag) ?? [];
}

/** Lets an error of this SQLSTATE pass. */
function unless(code: string) {
  return (error: unknown): undefined => {
    if ((error as pg.DatabaseError).code !== code) throw translate(error);
  };
}
