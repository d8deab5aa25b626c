// Short notices in the corner: from the events that bulk answers carry, and for requests that failed on the way.
const area = document.getElementById("toasts");

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
  if (tone !== "error") setTimeout(() => notice.remove(), 8000);
  // A modal dialog lies over everything else, so notices move into it while it is open.
  const dialog = document.querySelector("dialog[open]");
  if (dialog && area.parentElement !== dialog) dialog.append(area);
}

document.addEventListener("close", () => document.body.append(area), true);

area.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]").remove();
});

document.addEventListener("bulkEditSuccess", (event) => {
  if (event.detail.message) toast(event.detail.message, "success");
});
document.addEventListener("htmx:sendError", (event) => {
  // Polls go on by themselves; somebody's own action needs an answer.
  if (event.detail.requestConfig?.triggeringEvent?.isTrusted) toast("The server can't be reached. Nothing was changed by this; try again.", "error");
});
document.addEventListener("htmx:timeout", () => toast("The server did not answer in time. Look at the list before you try again.", "error"));
