// A selection belongs to its tab. Each tab has a name of its own, which goes with every request of htmx; a reload keeps it, and a tab that
// was made as another's copy gets a new one. The server draws a page without ticks, since it can't know the tab yet; where this tab has
// ticked something on this list, its table is asked for once more.
const NAME = "powercrud-tab";
const TICKED = `powercrud-ticked:${location.pathname}`;
const memory = new Map();

function read(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return memory.get(name) ?? null;
  }
}

function write(name, value) {
  memory.set(name, value);
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // It holds for this page.
  }
}

const random = () => [...crypto.getRandomValues(new Uint8Array(14))].map((byte) => (byte % 36).toString(36)).join("");
const rename = () => {
  tab = random();
  write(NAME, tab);
};
let tab = read(NAME);
if (!tab) rename();

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-PowerCRUD-Tab"] = tab;
});

const isList = () => document.getElementById("selection-form") !== null;
const refresh = () => isList() && htmx.trigger(document.body, "refreshTable");

// A copy of a tab begins with that tab's name: whoever had it first says so.
const me = random();
const channel = "BroadcastChannel" in window ? new BroadcastChannel("powercrud-tabs") : null;
channel?.addEventListener("message", ({ data }) => {
  if (data.ask === tab && data.from !== me) channel.postMessage({ taken: tab, to: data.from });
  if (data.to === me && data.taken === tab) {
    rename();
    write(TICKED, "");
    refresh();
  }
});
channel?.postMessage({ ask: tab, from: me });

// The tab that the ticks shown are of.
const drawnFor = () => new URL(document.getElementById("selection-form").getAttribute("hx-post"), location).searchParams.get("tab");

function note() {
  if (!isList()) return;
  const ticked = document.querySelector("#selection-bar strong") !== null;
  // What was drawn before the server knew the tab says nothing of it; what is ticked there is another's.
  if (drawnFor() === tab) write(TICKED, ticked ? "1" : "");
  else if (ticked) refresh();
}

// A page that the browser had put aside whole comes back as it was then.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  refresh();
  for (const box of document.querySelectorAll('[hx-trigger*="wake"]')) htmx.trigger(box, "wake");
  document.body.dispatchEvent(new Event("lookAgain"));
});

// Long enough for another tab to say that the name is its own.
setTimeout(() => read(TICKED) && refresh(), 60);
document.addEventListener("htmx:afterSettle", note);
