import { createContext, useContext, useEffect, useReducer, useSyncExternalStore } from "react";
import { isFull } from "./budget.ts";
import type { PriceBook, PriceState } from "./priceBook.ts";
import { throttledFor } from "./words.ts";

export const PriceBookContext = createContext<PriceBook | null>(null);

export function usePriceBook(): PriceBook {
  const book = useContext(PriceBookContext);
  if (!book) throw new Error("There is no PriceBookContext around this component.");
  return book;
}

/** How often numbers that count up or down are drawn. */
const TICK_MS = 250;

/** The prices and the moment they are drawn at, anew while a budget fills up. */
export function usePrices(book: PriceBook): { state: PriceState; now: number } {
  const state = useSyncExternalStore(book.subscribe, book.state);
  const [, tick] = useReducer((count: number) => count + 1, 0);
  const now = book.now();
  const isMoving =
    throttledFor(state.run, now) > 0 ||
    [state.budget, state.keyBudget].some((budget) => budget && !isFull(budget, now));
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }, [isMoving]);
  return { state, now };
}
