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
  });
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
document.addEventListener("htmx:afterSwap", () => {
  if (pending === 0) sync();
});
