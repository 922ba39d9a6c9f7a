import type { components } from "./schema.js";
import { unexpected } from "./transport.js";

type Problem = components["schemas"]["Problem"];

/** What every call answers: data or an error, never both. */
export type Result<T> =
  | { data: T; error: undefined; response: Response }
  | { data: undefined; error: Problem; response: Response };

/** A page of a list; `count` is there if it was asked for. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  count?: number;
}

/** An error of Mako's where only throwing is left: in the middle of an iteration. */
export class MakoError extends Error implements Pick<Problem, "code" | "details" | "hint" | "status"> {
  readonly code: string;
  readonly details: string | null;
  readonly hint: string | null;
  readonly status: number;
  readonly request_id: string;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = "MakoError";
    this.code = problem.code;
    this.details = problem.details;
    this.hint = problem.hint;
    this.status = problem.status;
    this.request_id = problem.request_id;
  }
}

/**
 * A list. `await` it for the first page as `{ data, error }`; `for await` it for every row, page after page, which
 * throws a `MakoError` if a page can't be had.
 */
export class Pages<T> implements PromiseLike<Result<Page<T>>>, AsyncIterable<T> {
  readonly #page: (cursor?: string) => Promise<Result<Page<T>>>;

  constructor(page: (cursor?: string) => Promise<Result<Page<T>>>) {
    this.#page = page;
  }

  then<A = Result<Page<T>>, B = never>(
    done?: ((result: Result<Page<T>>) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#page().then(done, failed);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let cursor: string | undefined;
    do {
      const { data, error }: Result<Page<T>> = await this.#page(cursor);
      if (error) throw new MakoError(error);
      yield* data.data;
      cursor = data.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }
}

interface Answer<T> {
  data?: T;
  error?: Problem;
  response: Response;
}

/** openapi-fetch's answer in our words. It can throw for a request that can't be made at all, such as a bad URL. */
export async function settle<T>(call: Promise<Answer<T>>): Promise<Result<T>> {
  try {
    const { data, error, response } = await call;
    if (!response.ok || error !== undefined) {
      return { data: undefined, error: error as Problem, response };
    }
    return { data: data as T, error: undefined, response };
  } catch (cause) {
    const { problem, response } = unexpected("MK_UNREACHABLE", String(cause));
    return { data: undefined, error: problem, response };
  }
}
