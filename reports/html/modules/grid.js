// A grid of any length: regular-table draws the visible lines; roles, keys and the current line are ours.
import { make, shown } from "./dom.js";

const HEIGHT = 28;
const SETTLED = 400; // milliseconds after which the library has set a width
const MOST_FROZEN = 0.5; // of the width

// `source` has the data: count, columns, frozen (their names), heading(column) -> {text, order, hint}, cell(line, column) -> {text, class,
// label}, part(line) (a namespace of an expanded row); and takes events: opened(line), moved(line), sorted(column),
// expanded(line, open), picked(line) (-1: all), resized().
export class Grid {
    constructor(label, source) {
        this.source = source;
        this.active = 0;
        this.widths = new Map();
        this.element = make("regular-table", { role: "grid", "aria-label": label });
        this.empty = make("p", { class: "empty", hidden: true });
        this.element.addStyleListener(() => this.dress());
        this.element.addEventListener("keydown", (event) => this.key(event));
        this.element.addEventListener("click", (event) => this.click(event));
        // A column that is made narrower leaves the pointer over its heading: that is no click on it.
        document.addEventListener("pointerdown", ({ target }) => {
            this.resizing = target.classList?.contains("rt-column-resize") && this.element.contains(target);
        });
        // The library sets the width some frames after this event.
        document.addEventListener("pointerup", () => this.resizing && setTimeout(() => this.source.resized(), SETTLED));
        new ResizeObserver(() => this.fit()).observe(this.element);
        this.element.setDataListener((...area) => this.data(...area), { virtual_mode: "vertical" });
    }

    // Draw again after a change of size, with the current line still visible.
    fit() {
        if (!this.drawn || !this.element.isConnected) return;
        if (this.active) this.reveal(this.active);
        this.element.draw({ invalid_viewport: true });
    }

    // Draw the current data; `top` goes back to the first line.
    async draw({ top = false } = {}) {
        this.active = Math.min(top ? 0 : this.active, Math.max(this.source.count - 1, 0));
        if (top) this.element.scrollTop = 0;
        const columns = this.source.columns;
        this.element.restoreColumnSizes(
            Object.fromEntries(columns.map(({ name, width }, at) => [at, this.widths.get(name) ?? width])),
        );
        this.empty.hidden = this.source.count > 0;
        this.bound();
        await this.element.draw({ invalid_viewport: true });
    }

    // With all columns drawn, the library would set the widths of endlessly many.
    bound() {
        const model = this.element.table_model;
        if (!model || this.bounded) return;
        this.bounded = true;
        const update = model.updateColumnWidthStyles.bind(model);
        model.updateColumnWidthStyles = (area, headers) =>
            update({ ...area, end_col: Math.min(area.end_col, this.source.columns.length) }, headers);
    }

    // Take widths by the names of columns; others have their usual ones.
    setWidths(widths) {
        const same = (old) => old.size === widths.size && [...old].every(([name, width]) => widths.get(name) === width);
        this.widths = widths;
        if (this.drawn && sameNames(this.drawn, this.source.columns) && same(this.changedWidths())) return;
        this.element.resetAutoSize({ auto: true, override: true, indices: true });
    }

    // Return the widths that are not the usual ones, by the names of columns.
    changedWidths() {
        const sizes = this.element.saveColumnSizes();
        const widths = this.drawn.map(({ name, width }, at) => [name, Math.round(sizes[at] ?? width), width]);
        return new Map(widths.filter(([, now, usual]) => now !== usual).map(([name, now]) => [name, now]));
    }

    // Return how far from the left each column that identifies a row stays when the others are scrolled away. Where
    // all of them have no room, only the last one stays.
    frozen() {
        const { columns, frozen = [] } = this.source;
        const widths = columns.map(({ width }, at) => this.sizes[at] ?? width);
        let named = columns.flatMap(({ name }, at) => (frozen.includes(name) ? [at] : []));
        if (named.reduce((sum, at) => sum + widths[at], 0) > this.element.clientWidth * MOST_FROZEN) named = named.slice(-1);
        let left = 0;
        return new Map(named.map((at) => [at, (left += widths[at]) - widths[at]]));
    }

    data(left, top, right, bottom) {
        const { columns, count } = this.source;
        this.drawn = columns;
        const visible = columns.slice(left, right);
        const lines = Math.min(bottom, count);
        const data = visible.map((column) => {
            const cells = [];
            for (let line = top; line < lines; line++) cells.push(shown(this.source.cell(line, column).text));
            return cells;
        });
        const headings = visible.map((column) => [this.source.heading(column).text]);
        return {
            num_rows: count,
            num_columns: columns.length,
            column_headers: headings,
            data,
            row_height: HEIGHT,
            num_column_headers: 1,
            num_row_headers: 0,
        };
    }

    // Give rows and cells their roles and classes: the library makes a plain table.
    dress() {
        const { source, element } = this;
        element.setAttribute("aria-rowcount", source.count + 1);
        element.setAttribute("aria-colcount", source.columns.length);
        const table = element.querySelector("table");
        if (!table) return;
        this.sizes = element.saveColumnSizes();
        this.stays = this.frozen();
        table.setAttribute("role", "presentation");
        for (const group of [table.tHead, ...table.tBodies]) group?.setAttribute("role", "rowgroup");
        for (const heading of table.querySelectorAll("thead th")) this.dressHeading(heading);
        element.removeAttribute("aria-activedescendant");
        for (const row of table.querySelectorAll("tbody tr")) this.dressRow(row);
    }

    dressHeading(heading) {
        heading.parentElement.setAttribute("role", "row");
        heading.setAttribute("role", "columnheader");
        const meta = this.element.getMeta(heading);
        const column = this.source.columns[meta?.x ?? -1];
        if (!column) return;
        const { order, hint } = this.source.heading(column);
        heading.setAttribute("aria-sort", order ?? "none");
        heading.setAttribute("aria-colindex", meta.x + 1);
        heading.title = hint;
        this.fitColumn(heading, meta.x);
        heading.classList.toggle("answer", column.kind === "answer");
        heading.classList.toggle("n", column.kind === "count" || column.kind === "zones");
    }

    dressRow(row) {
        const line = this.element.getMeta(row.cells[0])?.y ?? -1;
        row.setAttribute("role", "row");
        row.setAttribute("aria-rowindex", line + 2);
        row.id = `line-${line}`;
        const chosen = line === this.active;
        row.className = `${chosen ? "chosen" : ""} ${this.source.part(line) ? "part" : ""}`.trim();
        row.setAttribute("aria-selected", chosen);
        if (chosen) this.element.setAttribute("aria-activedescendant", row.id);
        for (const cell of row.cells) {
            const meta = this.element.getMeta(cell);
            const column = this.source.columns[meta?.x ?? -1];
            if (!column || line >= this.source.count) continue;
            const { text, class: names, label, title } = this.source.cell(line, column);
            cell.setAttribute("role", "gridcell");
            cell.setAttribute("aria-colindex", meta.x + 1);
            dressCell(cell, names);
            this.fitColumn(cell, meta.x);
            if (label) cell.setAttribute("aria-label", label);
            else cell.removeAttribute("aria-label");
            cell.title = label ?? shown(title ?? text);
        }
    }

    // Keep a column at its width: the library would make it as wide as its widest text.
    fitColumn(cell, at) {
        cell.style.maxWidth = this.sizes[at] ? `${this.sizes[at]}px` : "";
        const left = this.stays.get(at);
        cell.classList.toggle("frozen", left !== undefined);
        cell.style.left = left === undefined ? "" : `${left}px`;
    }

    click(event) {
        const cell = event.target.closest("td, th");
        const meta = cell && this.element.getMeta(cell);
        if (!meta || this.resizing || event.target.classList.contains("rt-column-resize")) return;
        const column = this.source.columns[meta.x];
        if (cell.tagName === "TH" && column.kind === "pick") this.source.picked(-1);
        else if (cell.tagName === "TH") this.source.sorted(column);
        if (cell.tagName === "TH") return;
        if (String(getSelection())) return;
        this.choose(meta.y);
        if (column.kind === "pick") this.source.picked(meta.y);
        else if (cell.classList.contains("every")) this.source.expanded(meta.y, null);
        else this.source.opened(meta.y);
    }

    key(event) {
        const page = Math.max(1, Math.floor(this.element.clientHeight / HEIGHT) - 2);
        const last = this.source.count - 1;
        const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page };
        if (event.altKey || event.ctrlKey || event.metaKey || last < 0) return;
        if (event.key in steps) this.move(Math.max(0, Math.min(last, this.active + steps[event.key])));
        else if (event.key === "Home") this.move(0);
        else if (event.key === "End") this.move(last);
        else if (event.key === "Enter" || event.key === " ") this.source.opened(this.active);
        else if (event.key === "x") this.source.picked(this.active);
        else if (event.key === "+" || event.key === "-") this.source.expanded(this.active, event.key === "+");
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    // Go to a line by a key; an open drawer follows.
    move(line) {
        this.choose(line);
        this.source.moved(line);
    }

    // Make a line the current one, and scroll it into view.
    choose(line) {
        this.active = line;
        this.reveal(line);
        this.element.draw({ invalid_viewport: true });
    }

    reveal(line) {
        const { element } = this;
        const fits = element.clientHeight / HEIGHT - 1;
        const room = Math.max(this.source.count - fits, 0);
        const panel = Math.max(element.scrollHeight - element.clientHeight, 1);
        const first = room * (element.scrollTop / panel);
        let wanted = first;
        if (line < first) wanted = line;
        else if (line > first + fits - 2) wanted = line - fits + 2;
        if (wanted !== first && room) element.scrollTop = Math.ceil((Math.min(wanted, room) / room) * panel);
    }
}

// Cells are reused for other rows; the classes of the library stay.
function dressCell(cell, names) {
    const ours = names ? names.split(" ") : [];
    for (const old of [...cell.classList])
        if (!old.startsWith("rt-") && !ours.includes(old)) cell.classList.remove(old);
    cell.classList.add(...ours);
}

function sameNames(columns, others) {
    return columns.length === others.length && columns.every(({ name }, at) => name === others[at].name);
}
