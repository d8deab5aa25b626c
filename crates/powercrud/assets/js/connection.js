// Says so when the server can't be reached, stops what looks as if it went on, asks until it is back, and then looks at everything anew.
const sign = document.getElementById("connection");
const AGAIN = 1_000;
const PATIENCE = 5_000;
let lost = false;
let asking = false;

function show(isLost) {
  lost = isLost;
  sign.hidden = !isLost;
  sign.querySelector("span").textContent = isLost ? "Connection lost, trying again" : "";
  spin();
}

// What turns says that something goes on, which nobody knows now.
function spin() {
  for (const spinner of document.querySelectorAll(".spinner")) spinner.style.animationPlayState = lost ? "paused" : "";
}

async function answers() {
  try {
    const answer = await fetch(sign.dataset.health, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    // What is not read to its end is a request that failed, once the patience ends.
    await answer.text();
    // A proxy answers in the place of a server that is gone.
    return answer.status < 502;
  } catch {
    return false;
  }
}

async function ask() {
  if (asking) return;
  asking = true;
  while (!(await answers())) {
    if (!lost) show(true);
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
  asking = false;
  if (lost) back();
}

function back() {
  show(false);
  for (const box of document.querySelectorAll('[hx-trigger*="wake"]')) htmx.trigger(box, "wake");
  if (document.getElementById("region")) htmx.trigger(document.body, "refreshTable");
  document.body.dispatchEvent(new Event("lookAgain"));
  document.dispatchEvent(new Event("connectionBack"));
  const preview = document.getElementById("preview");
  if (preview) htmx.trigger(preview, "preview");
}

// What stood there was told of what was ticked before.
function forget(event) {
  if (event.target.id === "preview") event.target.textContent = "What this would change can't be told while the connection is lost.";
}

for (const name of ["htmx:sendError", "htmx:sseError", "htmx:timeout"]) document.addEventListener(name, ask);
for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, forget);
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr?.status < 502 || event.detail.xhr?.status > 504) return;
  // Somebody's own action is answered by the error; a poll leaves what it shows, and a form what was typed.
  if (!event.detail.requestConfig?.triggeringEvent || event.detail.target.id === "content") event.detail.shouldSwap = false;
  ask();
});
document.addEventListener("htmx:afterSwap", () => lost && spin());

// Who fills in a form for long learns of it before sending it.
const LOOK = 5_000;
setInterval(() => document.querySelector("[data-record-form]") && document.visibilityState === "visible" && ask(), LOOK);
addEventListener("offline", ask);
addEventListener("online", ask);
