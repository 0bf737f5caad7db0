import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { pageSettings } from "../page.ts";
import { browserSession } from "../session/browser.ts";
import { GraphiqlPage } from "./GraphiqlPage.tsx";
import "../style/style.css";
import "./graphiqlPage.css";

const root = document.getElementById("root");
if (!root) throw new Error("graphiql.html has no element #root.");

const settings = pageSettings(document);
const session = browserSession(settings.graphqlPath);
void session.restore();

createRoot(root).render(
  <StrictMode>
    <GraphiqlPage session={session} settings={settings} />
  </StrictMode>,
);
