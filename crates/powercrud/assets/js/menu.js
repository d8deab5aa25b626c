// Menus made of <details>: closed by Escape, by a click elsewhere, and when another opens. Long cells open on a click.
const open = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;

  const cell = event.target.closest("[data-expand]");
  if (cell && !getSelection().toString()) cell.classList.toggle("open");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
