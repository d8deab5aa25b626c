// Tells screen readers what changed. Swapped content can't be a live region itself, so its `data-announce` text is copied into one
// that stays, when it differs from what was said last for that place.
const said = new Map();

function announce(root) {
  const places = [...root.querySelectorAll("[data-announce]")];
  if (root.matches?.("[data-announce]")) places.unshift(root);
  for (const place of places) {
    const text = place.dataset.announce;
    const name = place.id || "page";
    if (!text || said.get(name) === text) continue;
    const first = !said.has(name);
    said.set(name, text);
    if (!first) document.getElementById("announcer").textContent = text;
  }
}

// What stands there from the start is read with the page; only changes are announced.
announce(document.body);
document.addEventListener("htmx:afterSwap", () => announce(document.body));
