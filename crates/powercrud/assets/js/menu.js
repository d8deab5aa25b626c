// Menus made of <details>: closed by Escape, by a click elsewhere, and when another opens. Long cells open on a click.
const open = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;

  const cell = event.target.closest("[data-expand]");
  if (cell && !getSelection().toString()) cell.classList.toggle("open");
});

// A menu that would stick out of the screen at the right hangs from its button's right end instead.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches("details[data-menu]")) return;
    const content = target.querySelector(".dropdown-content");
    if ("flipped" in target.dataset) target.classList.remove("dropdown-end");
    delete target.dataset.flipped;
    if (!target.open || content.getBoundingClientRect().right <= document.documentElement.clientWidth) return;
    target.dataset.flipped = "";
    target.classList.add("dropdown-end");
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Long lists of resources have a box that leaves those whose name holds what is typed.
const boxes = (root) => root.querySelectorAll("[data-find]");
for (const box of boxes(document)) box.closest("[data-find-box]").hidden = false;

document.addEventListener("input", ({ target }) => {
  const selector = target.dataset?.find;
  if (!selector) return;
  const words = target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of (target.closest("ul") ?? document).querySelectorAll(selector)) {
    const text = (item.querySelector("a") ?? item).textContent.toLowerCase();
    item.hidden = !words.every((word) => text.includes(word));
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.dataset?.find) return;
  event.preventDefault();
  const found = (event.target.closest("ul") ?? document).querySelectorAll(event.target.dataset.find);
  [...found].find((item) => !item.hidden)?.querySelector("a")?.click();
});

// A menu opens where one is, ready to find another.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches("details[data-menu]") || !target.open) return;
    target.querySelector(".dropdown-content [aria-current]")?.scrollIntoView({ block: "center" });
    if (matchMedia("(hover: hover)").matches) boxes(target)[0]?.focus({ preventScroll: true });
  },
  true,
);
