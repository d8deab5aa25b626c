// The search box keeps what is being typed when the list under it is swapped.
let typed = null;

document.addEventListener("htmx:beforeSwap", () => {
  const box = document.activeElement;
  typed = box?.id === "search" ? box.value : null;
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
