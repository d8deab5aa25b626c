// A date or time of which only a part is typed is sent as nothing at all, which would empty the field: it is told at the field instead,
// and nothing is sent.
const HALF = "Only a part of it is there: complete it, or empty all of it.";

function isHalf(input) {
  if (!input.validity?.badInput) return false;
  const change = input.closest(".bulk-row")?.querySelector(".bulk-change");
  return !change || change.checked;
}

function complain(input) {
  const id = `${input.id}-error`;
  document.getElementById(id)?.remove();
  const error = document.createElement("p");
  error.id = id;
  error.className = "mt-0.5 text-xs text-error";
  error.textContent = HALF;
  input.after(error);
  input.classList.add("input-error");
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", id);
}

document.addEventListener(
  "submit",
  (event) => {
    const half = [...event.target.elements].filter(isHalf);
    if (!half.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    half.forEach(complain);
    half[0].focus();
  },
  true,
);

// A record that could not be sent, or whose answer was lost: the page and what was typed stay, and the form says so.
function unanswered(event) {
  const form = event.detail.elt.closest?.("[data-record-form]");
  const status = event.detail.xhr?.status ?? 0;
  if (!form || (status && (status < 502 || status > 504))) return;
  const told = form.querySelector("[data-unanswered]") ?? document.createElement("p");
  told.setAttribute("role", "alert");
  told.dataset.unanswered = "";
  told.className = "border-t border-base-300 px-4 py-3 text-error";
  told.textContent = "The connection was lost before an answer came, so it is not known whether this was saved. What you typed is kept here: save again once the connection is back.";
  form.querySelector("footer").before(told);
}
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(name, unanswered);
document.addEventListener("htmx:beforeRequest", ({ detail }) => detail.elt.querySelector?.("[data-unanswered]")?.remove());

document.addEventListener("input", ({ target }) => {
  if (!target.hasAttribute?.("aria-errormessage")) return;
  document.getElementById(target.getAttribute("aria-errormessage"))?.remove();
  target.classList.remove("input-error");
  for (const name of ["aria-invalid", "aria-errormessage"]) target.removeAttribute(name);
});
