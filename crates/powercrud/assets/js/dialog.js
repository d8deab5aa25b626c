// The one dialog: opens when htmx fills it, closes on demand, and gives the focus back to what opened it.
const dialog = document.getElementById("dialog");
const box = document.getElementById("dialog-box");
let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target !== box || dialog.open) return;
  // An entry of a menu is not to be seen any more when the dialog closes; the menu's button is.
  const menu = event.detail.elt.closest("details[data-menu]");
  opener = menu?.querySelector("summary") ?? event.detail.elt;
  if (menu) menu.open = false;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== box) return;
  if (!dialog.open) dialog.showModal();
  // An answer starts at what went wrong, else at the first thing to do. What stands in the way is told at the top, from which the box may
  // still be scrolled away.
  const wrong = box.querySelector("[aria-invalid=true]");
  if (!wrong) box.scrollTop = 0;
  const place = wrong ?? box.querySelector("[role=alert] :is(a, button)") ?? box.querySelector("[autofocus]") ?? box.querySelector("input:not([type=hidden]), #dialog-title");
  place?.focus({ preventScroll: place.id === "dialog-title" });
  syncRows();
});

dialog.addEventListener("click", (event) => {
  if ((event.target === dialog || event.target.closest("[data-close]")) && !isSubmitting()) dialog.close();
});

// What was asked for something that is not there any more has no place to go to when it comes.
const asking = new Set();
document.addEventListener("htmx:beforeSend", (event) => {
  asking.add(event.detail.elt);
  syncClosing();
});
document.addEventListener("htmx:afterRequest", (event) => {
  asking.delete(event.detail.elt);
  syncClosing();
});

// What was submitted is done, whether or not the dialog is there when the answer comes: it stays until it can tell.
function isSubmitting() {
  return [...asking].some((element) => element.matches("form[hx-post]") && box.contains(element));
}

function syncClosing() {
  for (const button of box.querySelectorAll("[data-close]")) button.disabled = isSubmitting();
}

dialog.addEventListener("cancel", (event) => {
  if (isSubmitting()) event.preventDefault();
});

function ignoreAnswers(place, except) {
  for (const element of asking) {
    if (element === except || !place.contains(element)) continue;
    asking.delete(element);
    const drop = (event) => event.preventDefault();
    element.addEventListener("htmx:beforeOnLoad", drop);
    element.addEventListener("htmx:afterRequest", () => element.removeEventListener("htmx:beforeOnLoad", drop), { once: true });
  }
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target === box) ignoreAnswers(box, event.detail.elt);
});

// Once it is submitted, what it would change is no question any more.
document.addEventListener("htmx:beforeSend", (event) => {
  const form = event.detail.elt;
  if (!form.matches("[data-bulk-form]")) return;
  clearTimeout(form.previewTimer);
  ignoreAnswers(form, form);
});

dialog.addEventListener("close", () => {
  // A browser lets the second Esc in a row through.
  if (isSubmitting()) return dialog.showModal();
  ignoreAnswers(box);
  box.replaceChildren();
  const again = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  (again || document.getElementById("content")).focus({ preventScroll: true });
  opener = null;
});

// All went well: nothing to read in the dialog that the notice doesn't say.
document.addEventListener("bulkEditSuccess", (event) => {
  // It has been answered.
  for (const element of asking) if (box.contains(element)) asking.delete(element);
  if (dialog.open) dialog.close();
});

// Bulk edit: a row's input is in use once the row is ticked; typing ticks it.
function syncRows() {
  for (const row of box.querySelectorAll(".bulk-row")) {
    const empty = row.querySelector(".bulk-null")?.checked ?? false;
    for (const input of row.querySelectorAll(".bulk-widget :is(input, select, textarea):not(.bulk-null)")) input.readOnly = empty;
    row.querySelector(".bulk-widget")?.classList.toggle("bulk-empty", empty);
  }
}

// The button says how many records the preview found to change, if any.
document.addEventListener("htmx:afterSwap", (event) => {
  const told = event.detail.target?.id === "preview" && event.detail.target.querySelector("[data-submit-label]");
  if (told) sayOnButton(told.dataset.submitLabel, "wrong" in told.dataset);
});

function sayOnButton(label, isWrong = false) {
  const button = document.getElementById("dialog-submit");
  // With a mistake in it, how many it would change is not known.
  button.textContent = label || (isWrong ? button.dataset.all : "Nothing to change");
  button.disabled = !label;
  // What can't be sent won't run anywhere.
  const background = box.querySelector("[data-background]");
  background?.classList.toggle("invisible", !label);
}

function onInput(event) {
  const form = event.target.closest("[data-bulk-form]");
  if (!form) return;
  const row = event.target.closest(".bulk-row");
  if (row && !event.target.matches(".bulk-change")) row.querySelector(".bulk-change").checked = true;
  // A mistake that is being mended is one no longer.
  event.target.removeAttribute("aria-invalid");
  event.target.classList.remove("input-error", "select-error", "textarea-error");
  row?.querySelector(`[id$="-error"]`)?.remove();
  if (row && event.type === "input" && event.target.matches(":not(.bulk-change):not(.bulk-null)")) {
    const empty = row.querySelector(".bulk-null");
    if (empty) empty.checked = false;
  }
  syncRows();
  const button = form.querySelector("#dialog-submit");
  if (button?.disabled && !button.closest(".htmx-request")) sayOnButton(button.dataset.all);
  clearTimeout(form.previewTimer);
  if (asking.has(form)) return;
  form.previewTimer = setTimeout(() => {
    const preview = form.querySelector("#preview");
    if (preview) htmx.trigger(preview, "preview");
  }, 250);
}

document.addEventListener("input", onInput);
document.addEventListener("change", onInput);
