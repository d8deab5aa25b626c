// A reference as a searchable choice (ARIA combobox). Without script the plain input takes the key; here it is hidden behind one
// that shows and searches the records' names. Where several can be chosen, each becomes a ticked box beside the input.
let counter = 0;

function enhance(root) {
  if ("ready" in root.dataset) return;
  root.dataset.ready = "";
  const value = root.querySelector("input");
  const listId = `choices-${++counter}`;

  const multiple = "multiple" in root.dataset;
  const shown = multiple ? value : value.cloneNode();
  if (multiple) {
    shown.placeholder = "Type to search";
  } else {
    shown.removeAttribute("name");
    shown.value = root.dataset.text || value.value;
    shown.placeholder ||= "Type to search";
    value.removeAttribute("id");
    value.removeAttribute("required");
    value.type = "hidden";
  }
  shown.setAttribute("role", "combobox");
  shown.setAttribute("aria-autocomplete", "list");
  shown.setAttribute("aria-expanded", "false");
  shown.setAttribute("aria-controls", listId);

  const list = document.createElement("ul");
  list.id = listId;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Choices");
  list.className = "mt-1 max-h-60 overflow-y-auto rounded-box border border-base-300 bg-base-100 p-1 shadow-lg";
  list.hidden = true;
  if (multiple) shown.after(list);
  else root.append(shown, list);

  let timer = 0;
  let asked = 0;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const active = () => list.querySelector("[aria-selected=true]");

  function close() {
    list.hidden = true;
    shown.setAttribute("aria-expanded", "false");
    shown.removeAttribute("aria-activedescendant");
  }

  function activate(option) {
    active()?.removeAttribute("aria-selected");
    if (!option) return;
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    shown.setAttribute("aria-activedescendant", option.id);
  }

  // A chosen record, ticked; unticking takes it out again.
  function add(key, name) {
    const chosen = root.querySelector("[data-chosen]");
    const known = [...chosen.querySelectorAll("input")].find((input) => input.value === key);
    if (known) return;
    const chip = root.querySelector("template").content.cloneNode(true);
    chip.querySelector("input").value = key;
    // Of two records of one name each shows its key.
    const [twin] = [...chosen.querySelectorAll("label")].filter((label) => label.textContent.trim() === name);
    if (twin) twin.querySelector("span").textContent = `${name} (${twin.querySelector("input").value})`;
    const isRepeated = twin || [...chosen.querySelectorAll("label")].some((label) => label.textContent.trim() === `${name} (${label.querySelector("input").value})`);
    chip.querySelector("span").textContent = isRepeated ? `${name} (${key})` : name;
    chosen.append(chip);
  }

  function choose(option) {
    if (multiple) {
      add(option.dataset.value, option.dataset.text);
      shown.value = "";
      close();
      shown.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    value.value = option.dataset.value;
    shown.value = option.dataset.text;
    root.dataset.text = shown.value;
    close();
    value.dispatchEvent(new Event("change", { bubbles: true }));
  }

  async function search() {
    const mine = ++asked;
    const url = new URL(root.dataset.choices, location.href);
    url.searchParams.set("q", shown.value === root.dataset.text ? "" : shown.value);
    url.searchParams.set("id", listId);
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    // Whoever is signed out is asked to sign in by what asks next.
    if (answer?.status === 401) document.body.dispatchEvent(new Event("lookAgain"));
    if (mine !== asked || document.activeElement !== shown) return;
    if (!answer?.ok) {
      list.textContent = "The choices can't be loaded. Type the key, or try again.";
    } else {
      list.innerHTML = await answer.text();
    }
    list.hidden = false;
    shown.setAttribute("aria-expanded", "true");
  }

  shown.addEventListener("input", () => {
    // What is typed counts as the key until a choice is made; empty means none.
    if (!multiple) {
      value.value = shown.value.trim();
      root.dataset.text = "";
    }
    clearTimeout(timer);
    timer = setTimeout(search, 200);
  });
  shown.addEventListener("focus", () => shown.select());
  shown.addEventListener("click", () => list.hidden && search());
  shown.addEventListener("blur", () => setTimeout(close, 150));
  shown.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(active());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      else if (all.length) activate(all[(at + (event.key === "ArrowDown" ? 1 : all.length - (at < 0 ? 0 : 1))) % all.length]);
    } else if (event.key === "Enter" && !list.hidden && active()) {
      event.preventDefault();
      choose(active());
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // keeps the focus in the input
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  root.querySelector("[data-chosen]")?.addEventListener("change", (event) => {
    // The change is told before its box goes, so that who listens still finds the form.
    setTimeout(() => {
      event.target.closest("label").remove();
      shown.focus();
    });
  });
}

const enhanceAll = () => document.querySelectorAll("[data-combobox]").forEach(enhance);
enhanceAll();
document.addEventListener("htmx:afterSwap", enhanceAll);
