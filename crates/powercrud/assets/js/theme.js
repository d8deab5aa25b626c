// Light or dark: the system's choice until somebody makes their own. Loaded before the page is drawn, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("powercrud-theme");
    } catch {
      return null; // Storage is switched off: the system's choice holds.
    }
  };
  const chosen = stored();
  if (chosen) root.dataset.theme = chosen;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try {
        localStorage.setItem("powercrud-theme", root.dataset.theme);
      } catch {
        // The choice holds for this page.
      }
    });
  });
})();
