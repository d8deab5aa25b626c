// The search box keeps what is being typed when the list under it is swapped, and the focus never falls out of the page.
let typed = null;
let focusInside = false;

document.addEventListener("htmx:beforeSwap", (event) => {
  const box = document.activeElement;
  typed = box?.id === "search" ? box.value : null;
  focusInside = box !== document.body && event.detail.target.contains(box);
});

document.addEventListener("htmx:afterSettle", () => {
  // htmx finds the focused element again by its id; where that is gone, reading goes on with the content.
  if (focusInside && document.activeElement === document.body) document.getElementById("content").focus({ preventScroll: true });
  focusInside = false;
});

document.addEventListener("htmx:afterSettle", () => {
  const box = document.getElementById("search");
  if (typed === null || !box) return;
  const text = typed;
  typed = null;
  if (box.value === text) return;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

// The form of a filter comes anew for another field: what was typed while it was on its way is kept.
let operand = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  operand = event.detail.target.id === "filter-form" ? document.getElementById("filter-value") : null;
});

document.addEventListener("htmx:afterSwap", () => {
  const box = document.getElementById("filter-value");
  if (operand && box && operand.matches("[type=text]") && box.matches("[type=text]")) box.value = operand.value;
  operand = null;
});
