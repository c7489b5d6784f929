"use strict";
// Filters and sorts the table of trials. The page can be read without it.
const table = document.getElementById("trials");
const rows = [...table.tBodies[0].rows];
const filter = document.getElementById("filter");
const left = document.getElementById("left");
const texts = rows.map((row) => row.textContent.toLowerCase());

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, at) => {
    row.hidden = !words.every((word) => texts[at].includes(word));
    shown += row.hidden ? 0 : 1;
  });
  left.value = words.length ? shown + " of " + rows.length : "";
});

function value(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.v ?? cell.textContent.replace(/[$,]/g, "");
  return text === "" || isNaN(text) ? cell.textContent : Number(text);
}

[...table.tHead.rows[0].cells].forEach((head, column) => {
  head.tabIndex = 0;
  const sort = () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    const order = rows.map((row) => [value(row, column), row]).sort(([a], [b]) =>
      typeof a === typeof b ? (a < b ? -sign : a > b ? sign : 0) : typeof a === "number" ? -1 : 1);
    table.tBodies[0].append(...order.map(([, row]) => row));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
});
