import { type Fetcher, type FetcherOpts, type FetcherParams, isAsyncIterable } from "@graphiql/toolkit";
import { type DocumentNode, OperationTypeNode } from "graphql";
import type { PriceBook } from "./priceBook.ts";

/** A fetcher whose answers `book` hears of, and that asks for a bill while somebody looks at it. */
export function observedFetcher(send: Fetcher, book: PriceBook): Fetcher {
  return async (params, opts = {}) => {
    if (params.operationName === "IntrospectionQuery") {
      const schema = await send(params, opts);
      book.learned(schema);
      return schema;
    }
    const run = book.began({
      query: params.query,
      operationName: params.operationName ?? null,
      variables: (params.variables as Record<string, unknown> | undefined) ?? null,
      kind: kindOf(params, opts.documentAST),
    });
    try {
      const result = await send(params, book.isOpen ? withReport(opts) : opts);
      if (isAsyncIterable(result)) return overheard(result, run);
      run.answered(result);
      run.ended();
      return result;
    } catch (error) {
      run.ended();
      throw error;
    }
  };
}

function withReport(opts: FetcherOpts): FetcherOpts {
  const named = Object.keys(opts.headers ?? {}).some((name) => name.toLowerCase() === "graphql-cost");
  return named ? opts : { ...opts, headers: { ...opts.headers, "GraphQL-Cost": "report" } };
}

function kindOf({ operationName }: FetcherParams, document: DocumentNode | undefined): OperationTypeNode {
  for (const definition of document?.definitions ?? []) {
    if (definition.kind !== "OperationDefinition") continue;
    if ((definition.name?.value ?? null) === (operationName ?? null)) return definition.operation;
  }
  return OperationTypeNode.QUERY;
}

interface Hearing {
  answered: (body: unknown) => void;
  ended: () => void;
}

/** Not an async generator: the return of one waits for the event to come, so that a subscription could not be stopped. */
function overheard<T>(events: AsyncIterable<T>, run: Hearing): AsyncIterableIterator<T> {
  const source = events[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const event = await source.next();
        if (event.done) run.ended();
        else run.answered(event.value);
        return event;
      } catch (error) {
        // graphql-ws throws the errors of an operation that was refused.
        if (Array.isArray(error)) run.answered({ errors: error });
        run.ended();
        throw error;
      }
    },
    async return(value) {
      run.ended();
      return source.return ? source.return(value) : { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
