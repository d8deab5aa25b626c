// Ticking records: one, a range with shift, a page. The server keeps the selection and answers with the bar.
let anchor = null;

const boxes = () => [...document.querySelectorAll(".row-check")];

// Ticks are sent one after the other: each answer replaces the bar that the next one is sent by.
let pending = 0;
let last = Promise.resolve();

function post(values) {
  pending += 1;
  last = last.then(() => send(values)).catch(() => {}).then(() => {
    pending -= 1;
    if (pending === 0) sync();
    lookAgain();
  });
}

// A list that was asked for before a change of the selection was answered knows nothing of it: one that comes by itself is left out, and
// either way the list is asked for once more.
let changes = 0;
let unanswered = 0;
const askedAfter = new WeakMap();
let isStale = false;

document.addEventListener("htmx:beforeSend", ({ detail }) => {
  if (detail.target?.id === "region") askedAfter.set(detail.xhr, changes);
  if (detail.target?.id !== "selection-bar") return;
  changes += 1;
  unanswered += 1;
  detail.xhr.addEventListener("loadend", () => {
    unanswered -= 1;
    setTimeout(lookAgain);
  });
});

const isChanging = () => pending > 0 || unanswered > 0;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "region" || (!isChanging() && askedAfter.get(detail.xhr) === changes)) return;
  isStale = true;
  if (detail.elt === detail.target) detail.shouldSwap = false;
  setTimeout(lookAgain);
});

function lookAgain() {
  if (!isStale || isChanging()) return;
  isStale = false;
  htmx.trigger(document.body, "refreshTable");
}

async function send(values) {
  const bar = document.getElementById("selection-form");
  await htmx.ajax("POST", bar.getAttribute("hx-post"), { source: bar, target: "#selection-bar", swap: "outerHTML", values });
}

document.addEventListener("click", (event) => {
  const box = event.target.closest(".row-check");
  if (box) {
    const all = boxes();
    const here = all.indexOf(box);
    const there = all.findIndex((other) => other.value === anchor);
    let changed = [box];
    if (event.shiftKey && there >= 0) {
      changed = all.slice(Math.min(here, there), Math.max(here, there) + 1);
      for (const other of changed) other.checked = box.checked;
    }
    anchor = box.value;
    post({ action: box.checked ? "add" : "remove", key: changed.map((other) => other.value) });
    return;
  }
  const page = event.target.closest("[data-page-check]");
  if (page) {
    for (const other of boxes()) other.checked = page.checked;
    post({ action: page.checked ? "add_page" : "remove_page" });
  }
});

// Enter would press the first button of the form: "Select all".
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".row-check, [data-page-check]")) event.preventDefault();
});

// Shift-click would mark text on the way.
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest(".row-check")) event.preventDefault();
});

// The server has the last word on what is ticked, once it has heard of all.
function sync() {
  const bar = document.getElementById("selection-bar");
  if (!bar) return;
  const keys = [...bar.querySelectorAll("[name=page_key]")];
  const selected = new Set(keys.filter((key) => "selected" in key.dataset).map((key) => key.value));
  for (const box of boxes()) box.checked = selected.has(box.value);
  for (const page of document.querySelectorAll("[data-page-check]")) {
    page.checked = keys.length > 0 && selected.size === keys.length;
    page.indeterminate = selected.size > 0 && selected.size < keys.length;
  }
}

sync();
// After Back, browsers tick again what was ticked when the page was left.
addEventListener("pageshow", sync);
document.addEventListener("htmx:afterSwap", () => {
  if (pending === 0) sync();
});
