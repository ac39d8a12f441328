"use strict";
// Sorting: a button in each heading, so the keyboard works by itself. Numbers first sort downwards, words upwards.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const numbers = heading.classList.contains("number");
      const first = numbers ? "descending" : "ascending";
      const other = numbers ? "ascending" : "descending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      for (const one of headings) one.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        return numbers ? (cell.dataset.value === undefined ? -Infinity : Number(cell.dataset.value)) : cell.textContent;
      };
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => sign * (numbers ? (a < b ? -1 : a > b ? 1 : 0) : a.localeCompare(b, "en", { numeric: true })));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
for (const button of document.querySelectorAll(".unfold")) {
  button.addEventListener("click", () => {
    button.previousElementSibling.classList.remove("folded");
    button.setAttribute("aria-expanded", "true");
    button.hidden = true;
  });
}
// The theme follows the system until the button is used.
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
