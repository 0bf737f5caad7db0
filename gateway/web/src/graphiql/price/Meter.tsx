import type { CSSProperties, ReactNode } from "react";

export type Tone = "good" | "bad" | "plain";

interface MeterProps {
  label: string;
  /** The value in words, which is also written beside the label. */
  text: string;
  value: number;
  maximum: number;
  tone?: Tone;
  children?: ReactNode;
}

/** A labelled bar; `children` stand beneath it. */
export function Meter({ label, text, value, maximum, tone = "plain", children }: MeterProps) {
  const filled = `${maximum > 0 ? Math.min(1, Math.max(0, value / maximum)) * 100 : 0}%`;
  return (
    <div className="price-meter">
      <div className="price-meter-words">
        <span>{label}</span>
        <span className="price-number">{text}</span>
      </div>
      <meter
        className={`price-meter-bar ${tone}`}
        style={{ "--filled": filled } as CSSProperties}
        aria-label={label}
        aria-valuetext={text}
        max={maximum}
        value={value}
      />
      {children}
    </div>
  );
}
