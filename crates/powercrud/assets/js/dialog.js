// The one dialog: opens when htmx fills it, closes on demand, and gives the focus back to what opened it.
const dialog = document.getElementById("dialog");
const box = document.getElementById("dialog-box");
let opener = null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target === box && !dialog.open) opener = event.detail.elt;
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
  if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
});

dialog.addEventListener("close", () => {
  box.replaceChildren();
  const again = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  (again || document.getElementById("content")).focus();
  opener = null;
});

// All went well: nothing to read in the dialog that the notice doesn't say.
document.addEventListener("bulkEditSuccess", (event) => {
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
  if (told) sayOnButton(told.dataset.submitLabel);
});

function sayOnButton(label) {
  const button = document.getElementById("dialog-submit");
  button.textContent = label || "Nothing to change";
  button.disabled = !label;
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
  form.previewTimer = setTimeout(() => {
    const preview = form.querySelector("#preview");
    if (preview) htmx.trigger(preview, "preview");
  }, 250);
}

document.addEventListener("input", onInput);
document.addEventListener("change", onInput);
