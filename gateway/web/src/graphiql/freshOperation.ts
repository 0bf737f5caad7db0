import type { FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import { type DocumentNode, GraphQLError, type OperationDefinitionNode, parse } from "graphql";

/**
 * What GraphiQL is about to send, with the operation's name and syntax tree taken from the text itself.
 *
 * GraphiQL 5.4 works these two out a moment after an edit or a change of tabs. Run before that, it would send the name of
 * the tab before, and a subscription as if it were a query. Text that does not parse is left for the gateway to explain.
 */
export function freshOperation(params: FetcherParams, opts: FetcherOpts = {}): [FetcherParams, FetcherOpts] {
  const document = parsed(params.query);
  if (!document) return [params, opts];
  const names = document.definitions
    .filter((definition): definition is OperationDefinitionNode => definition.kind === "OperationDefinition")
    .map((operation) => operation.name?.value ?? null);
  const [only = null] = names;
  const operationName = names.length === 1 ? only : (params.operationName ?? null);
  return [
    { ...params, operationName },
    { ...opts, documentAST: document },
  ];
}

/** Null for text that is not GraphQL. */
export function parsed(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof GraphQLError) return null;
    throw error;
  }
}
