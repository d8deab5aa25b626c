// A session that ends takes nothing along: the page stays with what was typed, under a dialog to sign in again.
const dialog = document.getElementById("sign-in");
const box = document.getElementById("sign-in-box");
let dismissed = false;
let lost = false;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target !== box || box.contains(detail.elt)) return;
  const own = detail.requestConfig?.triggeringEvent?.isTrusted ?? false;
  lost ||= own;
  // Polls of the page meet it, too: once is enough, and what is being typed there stays.
  if (dialog.open || (dismissed && !own)) detail.shouldSwap = false;
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target !== box || !box.firstElementChild) return;
  const name = box.querySelector("[name=name]");
  box.querySelector("[name=was]").value = dialog.dataset.user;
  name.value ||= dialog.dataset.user;
  if (!dialog.open) dialog.showModal();
  (name.value ? box.querySelector("[name=password]") : name).focus();
});

// Where the application has the login, a request of one's own leads to its page. Polls don't: what is being typed stays.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  const leaves = xhr.status === 401 && xhr.getResponseHeader("HX-Redirect");
  if (leaves && !requestConfig?.triggeringEvent?.isTrusted) event.preventDefault();
});

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) dialog.close();
});

dialog.addEventListener("close", () => {
  dismissed = true;
  box.replaceChildren();
});

document.addEventListener("signedIn", () => {
  dialog.close();
  const message = lost ? "You are signed in again. What you did last was not carried out: do it once more." : "You are signed in again.";
  dismissed = lost = false;
  document.dispatchEvent(new CustomEvent("notice", { detail: { message } }));
  document.body.dispatchEvent(new Event("lookAgain"));
  for (const waiting of document.querySelectorAll('[hx-trigger*="wake"]')) htmx.trigger(waiting, "wake");
});
