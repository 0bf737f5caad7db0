import { type GraphiQLPlugin, useGraphiQL } from "@graphiql/react";
import { useEffect, useMemo } from "react";
import { BillTable } from "./BillTable.tsx";
import { availableAt, type Budget } from "./budget.ts";
import { Meter } from "./Meter.tsx";
import type { PriceState, Quote, Run } from "./priceBook.ts";
import { type Remedy, remedyFor } from "./remedy.ts";
import { usePriceBook, usePrices } from "./usePrices.ts";
import {
  advice,
  amount,
  budgetText,
  fillingText,
  priceText,
  refundText,
  standingText,
  throttledFor,
  throttledText,
  toneOf,
  verdictOn,
  verdictText,
} from "./words.ts";
import "./price.css";

export const PRICE_PLUGIN: GraphiQLPlugin = { title: "Price", icon: PriceIcon, content: PricePanel };

/** What the operation costs and why, what is left of the budget, and what the last run came to. */
function PricePanel() {
  const book = usePriceBook();
  const { state, now } = usePrices(book);
  useEffect(() => {
    book.isOpen = true;
    return () => {
      book.isOpen = false;
    };
  }, [book]);
  const { quote, run, standing } = state;
  const why = standingText(standing);
  const age = standing.kind === "current" ? "" : "old";
  return (
    <section className="price-panel" aria-label="Price of the operation">
      <h2>Price</h2>
      <p className={`price-headline price-number ${age}`}>{quote ? priceText(quote) : "–"}</p>
      <p className="price-said">{why ?? <Said state={state} now={now} />}</p>
      {quote && <Allowed quote={quote} age={age} />}
      {state.budget && <BudgetMeter label="Budget" budget={state.budget} now={now} />}
      {state.keyBudget && <BudgetMeter label="Budget of this API key" budget={state.keyBudget} now={now} />}
      {quote && run && <Result run={run} quote={quote} now={now} age={age} />}
      {quote && <Bill quote={quote} run={run} age={age} />}
    </section>
  );
}

function Said({ state, now }: { state: PriceState; now: number }) {
  const verdict = verdictOn(state, now);
  if (!verdict) return "Pricing…";
  const isThrottled = throttledFor(state.run, now) > 0;
  return (
    <span className={`price-verdict ${toneOf(verdict)}`}>
      {verdict.kind === "tooExpensive" ? "Too expensive" : verdictText(verdict, isThrottled)}
    </span>
  );
}

/** Against what one operation may cost, and how to get below it. */
function Allowed({ quote, age }: { quote: Quote; age: string }) {
  const { requested, maximum } = quote.cost;
  const isOver = requested > maximum;
  return (
    <div className={age}>
      <Meter
        label="Maximum per operation"
        text={`${amount(requested)} of ${amount(maximum)}`}
        value={requested}
        maximum={maximum}
        tone={isOver ? "bad" : "plain"}
      />
      {isOver && <Advice quote={quote} />}
    </div>
  );
}

function Advice({ quote }: { quote: Quote }) {
  const queryEditor = useGraphiQL((graphiql) => graphiql.queryEditor);
  const { request, cost } = quote;
  const remedy = useMemo(() => (cost.dearest ? remedyFor(request, cost.dearest) : null), [request, cost]);

  function apply({ start, end, value }: Extract<Remedy, { kind: "literal" }>) {
    const model = queryEditor?.getModel();
    // The price lags behind the text by a moment, and offsets into another text are nothing.
    if (!queryEditor || !model || model.getValue() !== request.query) return;
    const [from, to] = [model.getPositionAt(start), model.getPositionAt(end)];
    const range = {
      startLineNumber: from.lineNumber,
      startColumn: from.column,
      endLineNumber: to.lineNumber,
      endColumn: to.column,
    };
    queryEditor.pushUndoStop();
    queryEditor.executeEdits("price", [{ range, text: String(value) }]);
    queryEditor.pushUndoStop();
    queryEditor.focus();
  }

  return (
    <div className="price-advice">
      <p>{advice(cost, remedy)}</p>
      {remedy?.kind === "literal" && (
        <button type="button" className="button quiet" onClick={() => apply(remedy)}>
          Set {cost.dearest?.argument}: {remedy.value}
        </button>
      )}
    </div>
  );
}

function BudgetMeter({ label, budget, now }: { label: string; budget: Budget; now: number }) {
  return (
    <Meter
      label={label}
      text={budgetText(budget, now)}
      value={availableAt(budget, now)}
      maximum={budget.capacity}
      tone="good"
    >
      <p className="price-note">{fillingText(budget, now)}</p>
    </Meter>
  );
}

/** What became of the last run: what it came to, or how long it has to wait. */
function Result({ run, quote, now, age }: { run: Run; quote: Quote; now: number; age: string }) {
  const waits = throttledFor(run, now);
  const refund = refundText(run.cost);
  if (waits === 0 && !refund) return null;
  const isSubscription = quote.request.kind === "subscription";
  return (
    <div className={age}>
      <h3>{isSubscription ? "Latest event" : "Last run"}</h3>
      <p>{waits > 0 ? throttledText(waits, isSubscription) : `${refund}.`}</p>
      {waits === 0 && !isSubscription && run.cost?.bill.length === 0 && (
        <p className="price-note">Run it again with this panel open to see what each field used.</p>
      )}
    </div>
  );
}

function Bill({ quote, run, age }: { quote: Quote; run: Run | null; age: string }) {
  const ran = run?.cost?.bill.some(({ actual }) => actual) ? run.cost : null;
  const { bill, requested } = ran ?? quote.cost;
  if (bill.length === 0) return null;
  return (
    <div className={age}>
      <h3>
        Bill <span className="price-number">{amount(requested)}</span>
      </h3>
      <BillTable lines={bill} />
    </div>
  );
}

function PriceIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M3.5 12.6V4.5a1 1 0 0 1 1-1h8.1a2 2 0 0 1 1.4.6l6 6a2 2 0 0 1 0 2.8l-7.1 7.1a2 2 0 0 1-2.8 0l-6-6a2 2 0 0 1-.6-1.4Z" />
      <circle cx="8.3" cy="8.3" r="1.6" />
    </svg>
  );
}
