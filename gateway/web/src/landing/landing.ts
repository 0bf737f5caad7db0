import "../style/style.css";
import "./landing.css";

const HEALTH_TIMEOUT_MS = 5_000;

const SENTENCES: Record<string, string> = {
  healthy: "Healthy: everything the gateway leans on answers.",
  degraded: "Degraded: the gateway serves, and something it leans on does not answer as it should.",
  unhealthy: "Unhealthy: something the gateway cannot do without is away.",
};

/** Says how the gateway is at this moment; without an answer, the tile keeps its description. */
async function showHealth(tile: HTMLElement): Promise<void> {
  const response = await fetch("/health", { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
  const { status } = (await response.json()) as { status?: string };
  const sentence = SENTENCES[status ?? ""];
  if (!status || !sentence) return;
  tile.dataset.status = status;
  tile.textContent = sentence;
}

const origin = document.getElementById("origin");
if (origin) origin.textContent = window.location.origin;

const tile = document.getElementById("health");
if (tile) showHealth(tile).catch((error: unknown) => console.warn("The gateway's health is unknown.", error));
