// Short notices in the corner: from the events that bulk answers carry, and for requests that failed on the way.
const area = document.getElementById("toasts");
const READ_BY = 8000;

function toast(message, tone, link) {
  const notice = document.createElement("div");
  notice.className = `alert shadow-lg max-w-md ${tone === "error" ? "alert-error" : "alert-success"}`;
  notice.dataset.toast = "";
  const text = document.createElement("span");
  text.className = "min-w-0 break-words";
  text.textContent = message;
  notice.append(text);
  if (link) {
    const anchor = document.createElement("a");
    anchor.className = "link text-current";
    anchor.href = link.href;
    anchor.textContent = link.text;
    notice.append(anchor);
  }
  const dismiss = document.createElement("button");
  dismiss.type = "button";
  dismiss.className = "btn btn-ghost btn-xs text-current";
  dismiss.dataset.dismiss = "";
  dismiss.textContent = "Dismiss";
  notice.append(dismiss);
  area.append(notice);
  if (tone !== "error") setTimeout(() => notice.remove(), READ_BY);
  above();
  return notice;
}

function above() {
  // A modal dialog lies over everything else, so notices move into it while it is open.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (!dialog || area.parentElement === dialog) return;
  dialog.append(area);
  // At the foot, away from the dialog's title, and at the left: its buttons are at the right.
  area.classList.add("toast-start", "toast-in-dialog");
  area.classList.remove("toast-end");
}

function below() {
  document.body.append(area);
  area.classList.remove("toast-start", "toast-in-dialog");
  area.classList.add("toast-end");
  above();
}

document.addEventListener("close", below, true);
document.addEventListener("notice", ({ detail }) => toast(detail.message, "success"));

// Messages about tasks that ended: they come with the badge, and come up where somebody looks. Whoever leaves the page before it could be
// read finds it on the next one.
const READABLE_AFTER = 1500;

function showMessages() {
  const fresh = document.getElementById("messages-new");
  if (!fresh || document.visibilityState !== "visible") return;
  for (const notice of [...fresh.children]) {
    const { shownHref, seenHref } = notice.dataset;
    // On the task's own page, the end is there to be seen.
    const here = notice.querySelector("a").pathname === location.pathname;
    const known = document.querySelector(`#toasts [data-shown-href="${shownHref}"]`);
    if (here) post(seenHref).then(lookAgain);
    if (here || known) {
      notice.remove();
      continue;
    }
    area.append(notice);
    window.htmx.process(notice);
    // The bell counts anew then, whatever was on its way meanwhile.
    setTimeout(() => post(shownHref).then(lookAgain), READABLE_AFTER);
    hideLater(notice);
  }
  above();
}

const post = (href) => fetch(href, { method: "POST", keepalive: true }).catch(() => {});

// What went well goes by itself; anything else stays until it is put away.
function hideLater(notice) {
  if (notice.dataset.tone !== "success") return;
  setTimeout(() => (notice.matches(":hover, :focus-within") ? hideLater(notice) : notice.remove()), 12000);
}

const lookAgain = () => document.body.dispatchEvent(new Event("lookAgain"));

document.addEventListener("htmx:afterSettle", showMessages);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") lookAgain();
});
area.querySelectorAll("[data-tone]").forEach(hideLater);

area.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]").remove();
});

document.addEventListener("bulkEditSuccess", (event) => {
  if (event.detail.message) toast(event.detail.message, "success");
});
// A tick that did not reach the server is taken back, which is not to happen in silence.
function tickLost(event) {
  const status = event.detail.xhr?.status ?? 0;
  if (event.detail.elt.id !== "selection-form" || (status && (status < 502 || status > 504))) return;
  if (area.querySelector('[data-lost="tick"]')) return;
  toast("The server can't be reached: what you ticked is not noted. Tick it again once the connection is back.", "error").dataset.lost = "tick";
}
for (const name of ["htmx:sendError", "htmx:responseError"]) document.addEventListener(name, tickLost);

document.addEventListener("htmx:sendError", (event) => {
  // Polls go on by themselves; somebody's own action needs an answer.
  const request = event.detail.requestConfig;
  if (!request?.triggeringEvent?.isTrusted || event.detail.elt.matches("[data-record-form]")) return;
  if (request.verb === "get") toast("The server can't be reached. Try again.", "error").dataset.lost = "";
  // The answer may be all that was lost.
  else toast("The connection was lost. It is not known whether this was done: look before you try again.", "error").dataset.lost = "unknown";
});
document.addEventListener("connectionBack", () => {
  for (const notice of area.querySelectorAll("[data-lost]")) setTimeout(() => notice.remove(), notice.dataset.lost ? READ_BY : 0);
});
document.addEventListener("htmx:timeout", () => toast("The server did not answer in time. Look at the list before you try again.", "error"));
