"use strict";
// Sorting: a button in each heading, so the keyboard works by itself. Numbers first sort downwards, words upwards.
const words = new Intl.Collator("en", { numeric: true });
for (const table of document.querySelectorAll("table")) {
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
        // A table without data has one wide cell.
        const cell = row.cells[column] ?? row.cells[0];
        return numbers ? (cell.dataset.value === undefined ? -Infinity : Number(cell.dataset.value)) : cell.textContent;
      };
      const [shown, folded] = table.tBodies;
      const count = shown.rows.length;
      const rows = [...shown.rows, ...(folded?.rows ?? [])].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => sign * (numbers ? (a < b ? -1 : a > b ? 1 : 0) : words.compare(a, b)));
      // What was folded may belong to the rows that are shown now.
      shown.append(...rows.slice(0, count).map(([, row]) => row));
      folded?.append(...rows.slice(count).map(([, row]) => row));
    });
  });
}
for (const button of document.querySelectorAll(".more button")) {
  button.addEventListener("click", () => {
    const folded = document.getElementById(button.getAttribute("aria-controls"));
    folded.hidden = !folded.hidden;
    button.setAttribute("aria-expanded", String(!folded.hidden));
    button.textContent = folded.hidden ? "Show all rows" : "Show fewer rows";
  });
}
// The theme follows the system until the button is used.
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
