// Progress comes by a stream of events. A page asks by itself only where the stream is not there, or silent, which is also how one looks
// that something on the way holds back; a page that nobody sees does neither, since a browser opens but a few connections to one server.
const streams = new Map();

// The server shows a sign of life at once, and every second.
const SILENT = 3_000;

const boxOf = (element) => element.closest("[sse-connect]");

function isLive(box) {
  const stream = streams.get(box);
  return stream?.source.readyState === EventSource.OPEN && Date.now() - stream.heard < SILENT;
}

document.addEventListener("htmx:sseOpen", (event) => {
  const { source } = event.detail;
  if (document.hidden) return source.close();
  const known = streams.get(event.target)?.source === source;
  const stream = { source, heard: 0 };
  streams.set(event.target, stream);
  source.addEventListener("beat", () => (stream.heard = Date.now()));
  // A stream that opens again is the same source.
  if (!known) source.addEventListener("news", ({ data }) => hear(data === "list"));
});

// A task has begun or ended that this page does not show, perhaps somebody else's. Nobody is disturbed who is at work in the table.
let waiting = null;
function hear(ofList) {
  if (!ofList && document.getElementById("region")) return document.body.dispatchEvent(new Event("lookAgain"));
  const busy = document.querySelector("#add-filter[open], #region .cell.open");
  clearTimeout(waiting);
  if (busy) return void (waiting = setTimeout(hear, 2000, ofList));
  for (const box of document.querySelectorAll("#strips, #tasks")) htmx.trigger(box, "wake");
  if (ofList) htmx.trigger(document.body, "refreshTable");
  else document.body.dispatchEvent(new Event("lookAgain"));
}

document.addEventListener("htmx:sseMessage", (event) => {
  const stream = streams.get(boxOf(event.target));
  if (stream) stream.heard = Date.now();
});

for (const name of ["htmx:sseError", "htmx:sseClose"]) {
  document.addEventListener(name, (event) => streams.delete(event.target));
}

// A poll is a request that nothing set off. What no stream brings has to be polled beside one.
const isPoll = (event) => boxOf(event.target) && !event.target.closest("[data-poll]") && !event.detail.requestConfig?.triggeringEvent;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isPoll(event) && (document.hidden || isLive(boxOf(event.target)))) event.preventDefault();
});

// What is only looked at from time to time waits while somebody is busy in it: types, has opened a cell, marks a text.
function isBusy(place) {
  const marked = getSelection();
  return place.matches(":focus-within") || place.querySelector(".open") || (!marked.isCollapsed && place.contains(marked.anchorNode));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const place = event.target.closest("[data-gentle]");
  if (place && !event.detail.requestConfig?.triggeringEvent && (document.hidden || isBusy(place))) event.preventDefault();
});

// An answer that comes after the stream has opened may be older than what that has brought.
document.addEventListener("htmx:beforeSwap", (event) => {
  const element = event.detail.elt;
  if (element?.isConnected && boxOf(element) && !element.closest("[data-poll]") && !event.detail.requestConfig?.triggeringEvent && isLive(boxOf(element))) {
    event.detail.shouldSwap = false;
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    for (const { source } of streams.values()) source.close();
    streams.clear();
    return;
  }
  for (const box of document.querySelectorAll("[sse-connect]")) htmx.trigger(box, "wake");
  // What it did not hear meanwhile is looked at.
  if (document.getElementById("region")) htmx.trigger(document.body, "refreshTable");
  const news = document.getElementById("news");
  if (!news) return;
  const again = news.cloneNode();
  news.replaceWith(again);
  htmx.process(again);
});
