import { useGraphiQL } from "@graphiql/react";
import { type RefObject, useRef } from "react";
import { PRICE_PLUGIN } from "./PricePanel.tsx";
import type { PriceState } from "./priceBook.ts";
import { usePriceBook, usePrices } from "./usePrices.ts";
import { useWatchedEditors } from "./useWatchedEditors.ts";
import {
  announcement,
  budgetText,
  priceText,
  restoreText,
  scarcer,
  standingText,
  throttledFor,
  toneOf,
  usedText,
  verdictOn,
  verdictText,
} from "./words.ts";
import "./price.css";

/** The line beneath the editors: what the operation costs, whether it fits, and what is left of the budget. */
export function PriceBar() {
  const book = usePriceBook();
  useWatchedEditors(book);
  const { state, now } = usePrices(book);
  const visiblePlugin = useGraphiQL((graphiql) => graphiql.visiblePlugin);
  const bar = useRef<HTMLElement>(null);
  const budget = scarcer(state.budget, state.keyBudget);
  return (
    <section className="price-bar" aria-label="Price" ref={bar}>
      <PriceNow state={state} now={now} />
      {budget && (
        <span className="price-bar-budget">
          {budget === state.keyBudget ? "Key’s budget" : "Budget"}{" "}
          <span className="price-number">{budgetText(budget, now)}</span>{" "}
          <span className="price-bar-rate">({restoreText(budget)})</span>
        </span>
      )}
      <button
        type="button"
        className="price-bar-open"
        aria-expanded={visiblePlugin === PRICE_PLUGIN}
        onClick={() => togglePanel(bar)}
      >
        Bill
      </button>
    </section>
  );
}

function PriceNow({ state, now }: { state: PriceState; now: number }) {
  const { quote, run, standing } = state;
  const verdict = verdictOn(state, now);
  const why = standingText(standing);
  const used = usedText(run?.cost ?? null);
  return (
    <>
      <span className={standing.kind === "current" ? "price-now" : "price-now old"}>
        {quote && verdict ? (
          <>
            <strong className="price-number">{priceText(quote)}</strong>
            {!why && (
              <span className={`price-verdict ${toneOf(verdict)}`}>
                {verdictText(verdict, throttledFor(run, now) > 0)}
              </span>
            )}
          </>
        ) : (
          !why && <span>Pricing…</span>
        )}
      </span>
      {why && <span className="price-why">{why}</span>}
      {!why && used && <span className="price-used">{used}</span>}
      <span className="visually-hidden" role="status">
        {quote && verdict && standing.kind === "current" ? announcement(quote, verdict) : ""}
      </span>
    </>
  );
}

/**
 * GraphiQL 5.4 keeps the width of its plugin pane in a component of its own, which only the buttons of its sidebar reach: a
 * plugin that is made visible through the store stays outside of the window.
 */
function togglePanel(bar: RefObject<HTMLElement | null>): void {
  const buttons = bar.current?.parentElement?.querySelectorAll<HTMLButtonElement>(".graphiql-sidebar button") ?? [];
  for (const button of buttons) {
    if (button.ariaLabel?.endsWith(` ${PRICE_PLUGIN.title}`)) button.click();
  }
}
