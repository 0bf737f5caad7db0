import { pick, tryParseJSONC, useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";
import type { PriceBook } from "./priceBook.ts";
import { requestIn } from "./request.ts";

/** Tells `book` of every change in GraphiQL's editors. They are read themselves: GraphiQL's state is late by its own pause. */
export function useWatchedEditors(book: PriceBook): void {
  const { queryEditor, variableEditor, headerEditor, operationName } = useGraphiQL(
    pick("queryEditor", "variableEditor", "headerEditor", "operationName"),
  );
  useEffect(() => {
    if (!queryEditor) return;
    const changed = () => book.changed();
    const watched = [
      queryEditor.onDidChangeCursorPosition(changed),
      queryEditor.onDidChangeModelContent(changed),
      ...[variableEditor, headerEditor].flatMap((editor) => editor?.onDidChangeModelContent(changed) ?? []),
    ];
    const stop = book.watch(() => {
      const position = queryEditor.getPosition();
      return requestIn(
        {
          query: queryEditor.getValue(),
          variables: variableEditor?.getValue() ?? "",
          headers: headerEditor?.getValue() ?? "",
          cursor: position ? (queryEditor.getModel()?.getOffsetAt(position) ?? 0) : 0,
          operationName: operationName ?? null,
        },
        tryParseJSONC,
      );
    });
    return () => {
      stop();
      for (const one of watched) one.dispose();
    };
  }, [book, queryEditor, variableEditor, headerEditor, operationName]);
}
