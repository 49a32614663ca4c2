"use strict";
// What the page can do besides being read: hints at once, tables that sort and filter, a choice of networks. Texts of
// others are only ever read from the page and written as text.
(() => {
  const make = (name, attributes, text) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const words = (element) => (element ? element.textContent.trim() : "");

  // Hints: the titles of a plot's shapes, without the browser's delay.
  const hint = make("div", { class: "hint", "aria-hidden": "true", hidden: "" });
  document.body.append(hint);
  document.addEventListener("pointerover", (event) => {
    const shape = event.target.closest ? event.target.closest(".plot rect, .plot circle, .plot polyline") : null;
    if (!shape) { hint.hidden = true; return; }
    const title = shape.querySelector("title");
    if (title) { shape.dataset.hint = title.textContent; title.remove(); }
    if (!shape.dataset.hint) { hint.hidden = true; return; }
    hint.textContent = shape.dataset.hint;
    hint.hidden = false;
    const half = hint.offsetWidth / 2;
    const x = Math.min(Math.max(event.clientX, half + 8), document.documentElement.clientWidth - half - 8);
    hint.style.left = `${x}px`;
    hint.style.top = `${Math.max(event.clientY - hint.offsetHeight - 14, 4)}px`;
  });

  // Tables.
  const number = (text) => {
    const plain = text.replace(/,/g, "").replace(/\u2212/g, "-").replace(/\u221e/g, "Infinity").replace(/ %$/, "");
    return plain === "" || Number.isNaN(Number(plain)) ? null : Number(plain);
  };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (x !== null && y !== null) return x - y;
    if (x !== null || y !== null) return x !== null ? -1 : 1;
    return a.localeCompare(b);
  };
  const sort = (table, column, header) => {
    const falling = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => (falling ? -1 : 1) * compare(words(a.cells[column]), words(b.cells[column])));
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table")) {
    const rows = table.tBodies[0] ? table.tBodies[0].rows.length : 0;
    if (rows < 3) continue;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = make("button", { type: "button", class: "sort" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, column, header));
    });
    if (rows < 9) continue;
    const filter = make("input", { type: "search", class: "filter", placeholder: "Filter rows" });
    filter.setAttribute("aria-label", `Filter the rows of: ${words(document.getElementById(table.getAttribute("aria-labelledby")))}`);
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) row.classList.toggle("filtered", !row.textContent.toLowerCase().includes(wanted));
    });
    table.closest(".table").querySelector(".caption").after(filter);
  }

  // A choice of networks.
  const names = [...new Set([...document.querySelectorAll("[data-network]")].map((element) => element.dataset.network))];
  if (names.length > 1) {
    const chosen = new Set(names);
    const show = () => {
      const hides = (name) => names.includes(name) && !chosen.has(name);
      for (const part of document.querySelectorAll("[data-network]")) part.classList.toggle("unchosen", hides(part.dataset.network));
      for (const part of document.querySelectorAll("[data-series]")) part.classList.toggle("unchosen", hides(part.dataset.series));
      for (const row of document.querySelectorAll("tbody tr")) row.classList.toggle("unchosen", hides(words(row.cells[0])));
    };
    const box = make("details", { class: "chooser" });
    box.append(make("summary", {}, `Networks (${names.length})`));
    const all = make("button", { type: "button" }, "all");
    const none = make("button", { type: "button" }, "none");
    const boxes = names.map((name) => {
      const label = make("label");
      const tick = make("input", { type: "checkbox" });
      tick.checked = true;
      tick.addEventListener("change", () => { if (tick.checked) chosen.add(name); else chosen.delete(name); show(); });
      label.append(tick, make("bdi", {}, name));
      return { label, tick, name };
    });
    const set = (value) => () => {
      for (const one of boxes) { one.tick.checked = value; if (value) chosen.add(one.name); else chosen.delete(one.name); }
      show();
    };
    all.addEventListener("click", set(true));
    none.addEventListener("click", set(false));
    const group = make("div", { role: "group", "aria-label": "Networks that are shown" });
    group.append(all, none, ...boxes.map((one) => one.label));
    box.append(group);
    document.querySelector("nav").after(box);
  }
})();
