// The lines of a grid: rows of a table, with the namespaces of expanded cluster-wide rows; or groups of rows.
import { cellOf } from "./grid_cells.js";
import { table } from "./tables.js";
import { formatted } from "./dom.js";
import { valueWord } from "./filter_menus.js";
import { grouped, sorted } from "./query.js";

const GROUP_COLUMNS = [
    { name: "value", label: "Value", kind: "name", width: 280 },
    ...["rows", "people", "groups", "accounts", "pull", "push", "create"].map((name) => ({
        name,
        label: name === "people" ? "Users" : name[0].toUpperCase() + name.slice(1),
        kind: "count",
        width: 92,
    })),
];

export class Lines {
    constructor(all, view) {
        Object.assign(this, { all, view, rows: new Uint32Array(), groups: null, group: "", expanded: [], picked: new Set() });
        // What is used is known only where logs were read: else its columns would be empty.
        const empty = ({ name, kind }) => kind === "use" && all.column(name).values.every((value) => !value);
        this.usual = new Set(view.columns.filter((one) => one.hidden || empty(one)).map(({ name }) => name));
        this.hidden = new Set(this.usual);
    }

    // Hide the usual columns, or all but these.
    show(columns) {
        const hide = ({ name }) => name && !columns.has(name);
        this.hidden = new Set(columns ? this.view.columns.filter(hide).map(({ name }) => name) : this.usual);
    }

    // Return the names of the columns that are shown, or null where these are the usual ones.
    get shown() {
        const same = this.hidden.size === this.usual.size && [...this.hidden].every((name) => this.usual.has(name));
        return same ? null : new Set(this.view.columns.map(({ name }) => name).filter((name) => name && !this.hidden.has(name)));
    }

    get columns() {
        return this.groups ? GROUP_COLUMNS : this.view.columns.filter(({ name }) => !this.hidden.has(name));
    }

    // Take the rows that match a filter, in the order of `sort` (a column, after `-` for descending), or grouped.
    take(rows, { sort, group }) {
        const name = sort.replace(/^-/, "");
        const descending = sort.startsWith("-");
        this.expanded = [];
        this.group = group;
        this.groups = group && this.all.column(group) ? grouped(this.all, rows, group) : null;
        this.rows = this.all.column(name) ? sorted(this.all, rows, name, descending) : rows;
        if (!this.groups?.length || !(name in this.groups[0])) return;
        const order = (group, other) => (group[name] < other[name] ? -1 : group[name] > other[name] ? 1 : 0);
        this.groups.sort((group, other) => (descending ? order(other, group) : order(group, other)));
    }

    get length() {
        if (this.groups) return this.groups.length;
        return this.rows.length + this.expanded.reduce((sum, { names }) => sum + names.length, 0);
    }

    // Return which row a line shows, and which namespace of an expanded row (-1: the row itself).
    locate(line) {
        let at = line;
        for (const { row, names } of this.expanded) {
            if (at <= row) break;
            if (at <= row + names.length) return { at: row, part: at - row - 1, names };
            at -= names.length;
        }
        return { at, part: -1 };
    }

    // Return the line that shows a row of the table, or -1.
    lineOf(row) {
        const at = this.groups ? -1 : this.rows.indexOf(row);
        return at < 0
            ? -1
            : this.expanded.reduce((line, { row: before, names }) => line + (before < at ? names.length : 0), at);
    }

    rowOf(line) {
        return this.rows[this.locate(line).at];
    }

    isPart(line) {
        return !this.groups && this.locate(line).part >= 0;
    }

    cell(line, column) {
        if (this.groups) return this.groupCell(this.groups[line][column.name], column);
        const { at, part, names } = this.locate(line);
        if (part >= 0 && column.name === "namespace") return { text: names[part], class: "name-cell" };
        if (column.kind === "pick") {
            const on = this.picked.has(this.rows[at]);
            return { text: on ? "☑" : "☐", class: "pick", label: on ? "selected" : "not selected" };
        }
        const cell = cellOf(this.all, column, this.rows[at]);
        if (cell.class !== "every") return cell;
        if (!this.view.expands) return { ...cell, class: "" };
        return { ...cell, text: `${this.isOpen(at) ? "▾" : "▸"} ${cell.text}` };
    }

    groupCell(value, column) {
        if (column.name === "value") return { text: valueWord(this.group, value), class: "name-cell" };
        return { text: value ? formatted(value) : "", class: "n" };
    }

    // Select the row of a line, or no longer.
    pick(line) {
        const row = this.rowOf(line);
        if (!this.picked.delete(row)) this.picked.add(row);
    }

    // Select all rows that are shown, or, if all are selected, none.
    pickAll() {
        const all = [...this.rows].every((row) => this.picked.has(row));
        this.picked.clear();
        if (!all) for (const row of this.rows) this.picked.add(row);
    }

    isOpen(at) {
        return this.expanded.some(({ row }) => row === at);
    }

    // Expand a cluster-wide row to the namespaces of its zone, or collapse it (`open` null: toggle). Return whether
    // anything changed.
    async expand(line, open) {
        const { at } = this.locate(line);
        if (this.groups || !this.view.expands || this.all.text(this.rows[at], "namespace") !== "*") return false;
        const wanted = open ?? !this.isOpen(at);
        if (wanted === this.isOpen(at)) return false;
        const others = this.expanded.filter(({ row }) => row !== at);
        if (wanted) others.push({ row: at, names: await namespacesOf(this.all.text(this.rows[at], "zone")) });
        this.expanded = others.sort((entry, other) => entry.row - other.row);
        return true;
    }
}

async function namespacesOf(zone) {
    const all = await table("namespaces");
    const names = [];
    for (let row = 0; row < all.rows; row++) if (all.text(row, "zone") === zone) names.push(all.text(row, "namespace"));
    return names.sort();
}
