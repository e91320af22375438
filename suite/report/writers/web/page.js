"use strict";
(() => {
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const root = document.documentElement;

  // A link leads into what is folded.
  const unfold = (id) => {
    const found = id && document.getElementById(id);
    if (!found) return;
    for (let at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const own = found.querySelector(":scope > details");
    if (own) own.open = true;
    found.scrollIntoView();
  };
  const follow = () => unfold(decodeURIComponent(location.hash.slice(1)));
  addEventListener("hashchange", follow);
  all('a[href^="#"]').forEach((link) => link.addEventListener("click", () => setTimeout(follow)));

  const folded = () => all("main details");
  const opener = document.getElementById("all");
  opener.hidden = false;
  opener.addEventListener("click", () => {
    const open = opener.getAttribute("aria-pressed") !== "true";
    opener.setAttribute("aria-pressed", String(open));
    opener.textContent = open ? "Fold all" : "Open all";
    folded().forEach((part) => { part.open = open; });
  });
  let before = [];
  addEventListener("beforeprint", () => { before = folded().filter((part) => !part.open); before.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => before.forEach((part) => { part.open = false; }));

  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // On a phone the answer comes before the contents.
  if (innerWidth < 960) document.querySelector("nav details").open = false;

  // The contents follow the scroll.
  const links = new Map(all("nav .list a").map((link) => [link.hash.slice(1), link]));
  const parts = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const seen = parts.filter((part) => part.getBoundingClientRect().top < innerHeight / 3).pop() || parts[0];
    links.forEach((link, id) => (id === seen.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  }, { passive: true });
  mark();

  // Tables: sorted by a column's numbers where it has some, and searched.
  const figure = (cell) => {
    if (cell.dataset.n !== undefined) return Number(cell.dataset.n);
    const found = cell.textContent.replace(/,/g, "").replace(/−/g, "-").match(/[-+]?\d+(\.\d+)?/);
    return found && !/^\s*n\/a/.test(cell.textContent) ? Number(found[0]) : null;
  };
  const sort = (table, index, header) => {
    const down = header.getAttribute("aria-sort") === "ascending";
    all("thead th", table).forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const wordy = header.classList.contains("w");
    const key = (row) => (wordy ? row.cells[index].textContent : figure(row.cells[index]));
    const order = (a, b) => (wordy ? a.localeCompare(b) : a - b);
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : order(a, b) * (down ? -1 : 1)));
    body.append(...rows.map(([, row]) => row));
  };
  all("main table").forEach((table) => {
    if (table.tBodies[0].rows.length > 1) all("thead th", table).forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.replaceChildren(button);
      button.addEventListener("click", () => sort(table, index, header));
    });
  });
  all(".long").forEach((holder) => {
    const input = document.createElement("input");
    input.type = "search";
    input.className = "find";
    input.placeholder = "Find in this table";
    input.setAttribute("aria-label", `Find in the table: ${holder.querySelector("caption").textContent}`);
    input.addEventListener("input", () => {
      const sought = input.value.toLowerCase();
      all("tbody tr", holder).forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(sought); });
    });
    holder.prepend(input);
  });
  follow();
})();
