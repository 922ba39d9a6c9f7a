/**
 * The newest position in the database's log that an answer named. Whoever brings it back is answered by a database that
 * has everything up to there: a client reads what it has written, also where a replica answers.
 */
export class Position {
  #newest: string | undefined;

  /** Puts it on a request that brings none. */
  tell(headers: Headers): void {
    if (this.#newest && !headers.has(NAME)) headers.set(NAME, this.#newest);
  }

  /** Keeps what an answer names, if it is newer. */
  hear(headers: Headers): void {
    const named = headers.get(NAME);
    if (named && (!this.#newest || sortable(named) > sortable(this.#newest))) this.#newest = named;
  }
}

const NAME = "x-mako-lsn";

/** `16/B374D848` is two hexadecimal numbers without leading zeros. */
function sortable(position: string): string {
  const parts = position.split("/").map((part) => part.padStart(8, "0"));
  return parts.join("");
}
