// What browser.py asks a report that is open in a browser. Each question gives a list of sentences: what is wrong.
const probes = {
  // Nothing is wider than the window, but for what scrolls in a box of its own.
  overflow() {
    const wide = document.documentElement.clientWidth;
    const inside = (element) => element.parentElement.closest(".table, .chart");
    const elements = [...document.body.querySelectorAll("*")].filter(
      (element) => !element.matches(".skip") && !inside(element),
    );
    const found = elements.flatMap((element) => {
      const box = element.getBoundingClientRect();
      const fits = box.width === 0 || (box.left > -0.5 && box.right < wide + 0.5);
      return fits
        ? []
        : [
            `<${element.localName} class="${element.className}"> reaches from ${box.left} to ${box.right} of ${wide} pixels`,
          ];
    });
    const document_wide = document.documentElement.scrollWidth;
    return document_wide > wide ? [`the document is ${document_wide} of ${wide} pixels wide`, ...found] : found;
  },

  // Those who cannot see a chart are told what it is, and whoever points at it gets values.
  names() {
    return [...document.querySelectorAll(".chart")].flatMap((chart) => {
      const svg = chart.querySelector("svg");
      const hovers = [...svg.querySelectorAll("rect.hover")];
      const found = [];
      if (svg.getAttribute("role") !== "img" || !svg.getAttribute("aria-label")) found.push(`${chart.id} has no name`);
      if (hovers.length === 0) found.push(`${chart.id} has no values under the pointer`);
      if (hovers.some((hover) => !hover.querySelector("title")?.textContent.trim()))
        found.push(`${chart.id} has an empty value`);
      return found;
    });
  },

  // Every label lies within its chart, and none over another.
  labels() {
    return [...document.querySelectorAll(".chart svg")].flatMap((svg) => {
      const { id } = svg.closest(".chart");
      const view = svg.viewBox.baseVal;
      const labels = [...svg.querySelectorAll("text")]
        .filter((text) => text.textContent.trim())
        .map((text) => {
          // getBBox knows nothing of rotation; the matrix from the text to the svg does.
          const matrix = svg.getScreenCTM().inverse().multiply(text.getScreenCTM());
          const box = text.getBBox();
          const [a, b] = [
            [box.x, box.y],
            [box.x + box.width, box.y + box.height],
          ].map(([x, y]) => new DOMPoint(x, y).matrixTransform(matrix));
          const [left, right, top, bottom] = [
            Math.min(a.x, b.x),
            Math.max(a.x, b.x),
            Math.min(a.y, b.y),
            Math.max(a.y, b.y),
          ];
          return { text: text.textContent.trim(), left, right, top, bottom, area: (right - left) * (bottom - top) };
        });
      return labels.flatMap((a, i) => {
        const cut =
          a.left < view.x || a.top < view.y || a.right > view.x + view.width || a.bottom > view.y + view.height;
        const over = labels.slice(i + 1).filter((b) => {
          const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          // The boxes of lines of text touch; letters do not.
          return width > 0 && height > 0 && width * height > Math.min(a.area, b.area) / 4;
        });
        return [
          ...(cut ? [`${id}: “${a.text}” is cut off`] : []),
          ...over.map((b) => `${id}: “${a.text}” and “${b.text}” overlap`),
        ];
      });
    });
  },

  // What stands for a colour is one, in the theme at hand.
  colours() {
    return [...document.querySelectorAll(".chart svg [fill], .chart svg [stroke]")].flatMap((shape) =>
      ["fill", "stroke"].flatMap((paint) => {
        const [, name] = shape.getAttribute(paint)?.match(/^var\((.*)\)$/) ?? [];
        return name && !CSS.supports("color", getComputedStyle(shape).getPropertyValue(name).trim())
          ? [`${name} is no colour`]
          : [];
      }),
    );
  },

  // What a keyboard and a screen reader need.
  structure() {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    const found = ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `two elements are called ${id}`);
    const wanted = [...document.querySelectorAll('a[href^="#"]')].map((link) => link.hash.slice(1));
    for (const name of ["aria-labelledby", "aria-controls"])
      wanted.push(...[...document.querySelectorAll(`[${name}]`)].map((element) => element.getAttribute(name)));
    found.push(...wanted.filter((id) => !ids.includes(id)).map((id) => `there is no ${id}, which is referred to`));
    for (const table of document.querySelectorAll("table")) {
      if (!table.caption?.textContent.trim()) found.push("a table has no caption");
      if ([...table.querySelectorAll("th")].some((heading) => heading.scope !== "col"))
        found.push(`${table.caption.textContent}: a heading without scope`);
    }
    const nameless = [...document.querySelectorAll("button")].filter(
      (button) => !(button.ariaLabel || button.textContent.trim()),
    );
    if (nameless.length) found.push("a button has no name");
    if (!document.documentElement.lang || !document.title) found.push("the page has no language or no title");
    const sections = [...document.querySelectorAll("main section")].map((section) => section.id);
    const contents = [...document.querySelectorAll("nav a")].map((link) => link.hash.slice(1));
    if (sections.join() !== contents.join()) found.push(`the contents list ${contents}, the page has ${sections}`);
    return found;
  },

  // Each heading of each table sorts by its column, one way and then the other.
  sorting() {
    return [...document.querySelectorAll("table")].flatMap((table) =>
      [...table.tHead.rows[0].cells].flatMap((heading, column) => {
        const all = () => probes.column(table, column).map(String).sort().join();
        const before = all();
        const found = ["first", "again"].flatMap(() => {
          heading.querySelector("button").click();
          return probes.sorted(table, column);
        });
        return before === all()
          ? found
          : [...found, `${table.caption.textContent}, ${heading.textContent}: a row was lost or doubled`];
      }),
    );
  },

  // Whether the column that a heading says it is sorted by is so: numbers by the value behind them, those without one
  // least.
  sorted(table, column) {
    const heading = table.tHead.rows[0].cells[column];
    const order = heading.getAttribute("aria-sort");
    const name = `${table.caption.textContent}, ${heading.textContent}`;
    if (!["ascending", "descending"].includes(order)) return [`${name}: aria-sort is ${order}`];
    if (table.querySelectorAll("th[aria-sort]").length !== 1)
      return [`${name}: the table says that it is sorted by several columns`];
    const values = probes.column(table, column);
    const words = new Intl.Collator("en", { numeric: true });
    const compare = heading.classList.contains("number")
      ? (a, b) => (a ?? -Infinity) - (b ?? -Infinity) || 0
      : words.compare;
    const wrong = values.findIndex(
      (value, at) => at > 0 && compare(values[at - 1], value) * (order === "ascending" ? 1 : -1) > 0,
    );
    return wrong < 0 ? [] : [`${name}: not ${order}: ${values[wrong - 1]}, then ${values[wrong]}`];
  },

  column(table, column) {
    const numbers = table.tHead.rows[0].cells[column].classList.contains("number");
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    // A table without data has one wide cell.
    const cells = rows.map((row) => row.cells[column] ?? row.cells[0]);
    return cells.map((cell) =>
      !numbers ? cell.textContent : cell.dataset.value === undefined ? null : Number(cell.dataset.value),
    );
  },

  // Milliseconds from the start of the navigation to the load event.
  opened() {
    const [entry] = performance.getEntriesByType("navigation");
    return entry.loadEventEnd - entry.startTime;
  },

  // Milliseconds that a click takes, with the layout that follows.
  clicked(button) {
    const from = performance.now();
    button.click();
    document.documentElement.getBoundingClientRect();
    return performance.now() - from;
  },
};
