// What is there for browsers without script: where htmx swaps it in, its buttons are real ones, and Enter might press them.
const remove = () => document.querySelectorAll("noscript").forEach((part) => part.remove());
remove();
document.addEventListener("htmx:afterSwap", remove);
document.addEventListener("htmx:sseMessage", remove);
