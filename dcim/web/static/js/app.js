// Starts the small modules; each one looks for its own data- attributes and does nothing without.
import { startCharts } from "./chart.js";
import { startDialogs } from "./dialogs.js";
import { startElevations } from "./elevation.js";
import { startFloor } from "./floor.js";
import { startFreshness } from "./freshness.js";
import { startKeys } from "./keys.js";
import { recallNumbers, startMeters } from "./meters.js";
import { startPictures } from "./picture.js";
import { startReferences } from "./references.js";
import { startScrolling } from "./scrolling.js";
import { startSelecting } from "./selecting.js";
import { startTerms } from "./terms.js";
import { startTheme } from "./theme.js";
import { startTokens } from "./tokens.js";
import { startTour } from "./tour.js";
import { startCopying } from "./copying.js";
import { markNext, startWalks } from "./walk.js";

startTheme();
startTokens();
startKeys();
startDialogs();
startCopying();
startPictures();
startFreshness();
startTour();
startWalks();
startMeters();
startFloor();

// What comes with the page, and again what htmx swaps in.
function startContent(root) {
  startCharts(root);
  startElevations(root);
  startReferences(root);
  startSelecting(root);
  startScrolling(root);
  startTerms(root);
  recallNumbers(root);
}
startContent(document);
document.addEventListener("htmx:after:swap", () => {
  startContent(document);
  markNext(true);
});
