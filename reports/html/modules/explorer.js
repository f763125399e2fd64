// One view of rows: its filters, its grid, its counts and its CSV. What is shown is what the address says.
import { write } from "./address.js";
import { table } from "./tables.js";
import { counted, find, make, say, shown } from "./dom.js";
import { csv, download } from "./csv.js";
import { facetMenu, valueWord } from "./filter_menus.js";
import { Grid } from "./grid.js";
import { Lines } from "./grid_lines.js";
import { select, subjects } from "./query.js";

const EVERY = "every"; // in the address: also what is usually folded away
const GROUPS = [
    "zone",
    "organization",
    "namespace",
    "subject",
    "subject_kind",
    "how",
    "role",
    "belongs",
    "change",
    "severity",
    "check",
    "framework",
];
export class Explorer {
    // `go(address)` leads to another address; with `replace` without a step in the history.
    constructor(id, view, run, go) {
        Object.assign(this, { id, view, run, go });
    }

    // Load the table and make the controls, once.
    async ready() {
        this.table ??= await table(this.view.table);
        this.lines ??= new Lines(this.table, this.view);
        if (this.tools) return;
        this.grid = new Grid(this.view.title, this.source());
        this.tools = this.controls();
    }

    label(name) {
        return this.view.columns.find((one) => one.name === name)?.label ?? name;
    }

    controls() {
        const { view } = this;
        this.words = make("input", {
            type: "search",
            id: "words",
            placeholder: "Find, or /pattern/",
            "aria-label": `Find in ${view.title}`,
            autocomplete: "off",
            spellcheck: "false",
            input: () => this.typed(),
        });
        this.menus = view.facets.map((name) =>
            facetMenu(this.label(name), name, (...choice) => this.choose(...choice)),
        );
        const groups = GROUPS.filter((name) => this.table.column(name));
        this.group = this.picker(
            "Group by",
            "group",
            [["", "no groups"], ...groups.map((name) => [name, this.label(name).toLowerCase()])],
            () => this.change({ group: this.group.value, sort: "" }),
        );
        this.order = this.picker(
            "Sort by",
            "order",
            [
                ["", "usual order"],
                ...view.columns.flatMap((one) => [
                    [one.name, `${one.label} ↑`],
                    [`-${one.name}`, `${one.label} ↓`],
                ]),
            ],
            () => this.change({ sort: this.order.value }),
        );
        this.count = make("output", { "aria-live": "polite" });
        const save = make(
            "button",
            { type: "button", id: "csv", title: "Save these rows, with the filter (e)", click: () => this.save() },
            "⤓ CSV",
        );
        return [
            this.words,
            ...this.menus.map((menu) => menu.element),
            this.group,
            this.order,
            this.columnMenu(),
            save,
            this.count,
        ];
    }

    picker(label, name, choices, change) {
        return make(
            "select",
            { "aria-label": label, title: label, "data-picker": name, change },
            choices.map(([value, words]) => make("option", { value }, words)),
        );
    }

    columnMenu() {
        const boxes = this.view.columns.map((one) => {
            const box = make("input", {
                type: "checkbox",
                value: one.name,
                change: () => this.toggle(one.name, box.checked),
            });
            box.checked = !this.lines.hidden.has(one.name);
            return make("label", {}, box, make("span", {}, one.label));
        });
        return make(
            "details",
            { class: "columns" },
            make("summary", {}, "Columns"),
            make("div", { class: "menu" }, boxes),
        );
    }

    toggle(name, visible) {
        this.grid.remember();
        if (visible) this.lines.hidden.delete(name);
        else this.lines.hidden.add(name);
        this.grid.draw();
    }

    // Show what a state of the address asks for.
    async show(state) {
        const fresh = !this.tools;
        await this.ready();
        this.state = state;
        const asked = write({ ...state, row: null });
        if (asked === this.asked && !fresh) return;
        this.asked = asked;
        this.filter();
        this.describe();
        await this.grid.draw({ top: true });
    }

    filter() {
        const { state, table: all, view } = this;
        const terms = new Map([...state.terms].filter(([name]) => all.column(name)));
        const { folded } = view;
        if (folded && !terms.has(folded.column)) terms.set(folded.column, new Set(folded.shown));
        else if (folded && terms.get(folded.column).has(EVERY)) terms.delete(folded.column);
        const query = { terms, words: state.words, regex: state.regex, facets: view.facets };
        let found;
        try {
            found = select(all, query, view.searched);
            this.words.removeAttribute("aria-invalid");
        } catch (error) {
            if (!(error instanceof SyntaxError)) throw error;
            this.words.setAttribute("aria-invalid", "true");
            say("this is not a regular expression");
            found = select(all, { ...query, words: "" }, view.searched);
        }
        this.found = found;
        this.terms = terms;
        this.lines.take(found.rows, { sort: state.sort || view.order || "", group: state.group });
    }

    // Say what is shown: the controls, the chips, the count.
    describe() {
        const { state, found, view } = this;
        if (document.activeElement !== this.words) this.words.value = state.regex ? `/${state.words}/` : state.words;
        this.group.value = state.group;
        this.order.value = state.sort;
        view.facets.forEach((name, at) =>
            this.menus[at].update(this.table, found.counts.get(name), state.terms.get(name) ?? new Set()),
        );
        const who = subjects(this.table, found.rows);
        const people =
            who.people + who.groups + who.accounts
                ? ` · ${counted(who.people, "person", "people")}, ${counted(who.groups, "group")}, ${counted(who.accounts, "account")}`
                : "";
        this.count.textContent = `${counted(found.rows.length, "row")}${people}`;
        this.count.dataset.rows = found.rows.length;
        this.chips = this.chipsOf();
        this.grid.empty.textContent = this.emptyText();
    }

    chipsOf() {
        const { state, view, found } = this;
        const chips = [...state.terms].flatMap(([name, values]) =>
            [...values]
                .filter((value) => value !== EVERY)
                .map((value) =>
                    this.chip(`${this.label(name)}: ${shown(valueWord(name, value))}`, () =>
                        this.choose(name, value, false),
                    ),
                ),
        );
        if (state.words)
            chips.push(
                this.chip(state.regex ? `/${shown(state.words)}/` : `“${shown(state.words)}”`, () =>
                    this.change({ words: "", regex: false }),
                ),
            );
        const { folded } = view;
        if (folded && !state.terms.has(folded.column)) {
            const away = found.kept.get(folded.column);
            if (away)
                chips.push(
                    make(
                        "button",
                        {
                            type: "button",
                            class: "fold",
                            "data-folded": away,
                            click: () => this.choose(folded.column, EVERY, true),
                        },
                        `${counted(away, "row")} ${folded.words}, folded away: show`,
                    ),
                );
        } else if (folded && state.terms.get(folded.column).has(EVERY)) {
            chips.push(
                make(
                    "button",
                    { type: "button", class: "fold", click: () => this.choose(folded.column, EVERY, false) },
                    `with rows ${folded.words}: fold away`,
                ),
            );
        }
        return chips;
    }

    chip(text, click) {
        return make("button", { type: "button", title: "Take this filter away", click }, `${text} ✕`);
    }

    emptyText() {
        const filtered = this.state.terms.size || this.state.words;
        if (this.table.rows && filtered) return "No row passes the filter.";
        if (this.table.rows) return `${this.view.empty}: all rows are folded away.`;
        return `${this.view.empty}: ${this.run.seen}.`;
    }

    typed() {
        const text = this.words.value;
        const pattern = text.match(/^\/(.*)\/$/s);
        this.change({ words: pattern ? pattern[1] : text, regex: Boolean(pattern) }, true);
    }

    choose(name, value, on) {
        const terms = new Map([...this.state.terms].map(([one, values]) => [one, new Set(values)]));
        const values = terms.get(name) ?? new Set();
        if (on) values.add(value);
        else values.delete(value);
        if (values.size) terms.set(name, values);
        else terms.delete(name);
        this.change({ terms });
    }

    change(part, replace = false) {
        this.go(write({ ...this.state, row: null, ...part }), replace);
    }

    // What the grid asks for.
    source() {
        const { lines } = this;
        return {
            get count() {
                return lines.length;
            },
            get columns() {
                return lines.columns;
            },
            heading: (one) => this.heading(one),
            cell: (line, one) => lines.cell(line, one),
            part: (line) => lines.isPart(line),
            opened: (line) => this.opened(line),
            sorted: (one) => this.change({ sort: this.nextSort(one.name) }),
            turned: (line, open) => this.turn(line, open),
        };
    }

    // Upwards, downwards, and as it was.
    nextSort(name) {
        const { sort } = this.state;
        if (sort === name) return `-${name}`;
        return sort === `-${name}` ? "" : name;
    }

    async turn(line, open) {
        if (await this.lines.turn(line, open)) await this.grid.draw();
    }

    heading(one) {
        const { sort } = this.state;
        const order = sort === one.name ? "ascending" : sort === `-${one.name}` ? "descending" : null;
        const mark = order === "ascending" ? " ↑" : order === "descending" ? " ↓" : "";
        return { text: `${one.label}${mark}`, order, says: `Sort by ${one.label}` };
    }

    opened(line) {
        const { groups } = this.lines;
        if (groups) {
            const terms = new Map(this.state.terms).set(this.state.group, new Set([groups[line].value]));
            this.change({ terms, group: "", sort: "" });
            return;
        }
        const row = this.lines.rowOf(line);
        const key = this.view.key.map((name) => this.table.text(row, name));
        this.go(write({ ...this.state, row: key }), Boolean(this.state.row));
    }

    // Make the row that is open the chosen line.
    choosing(row) {
        const line = this.lines.lineOf(row);
        if (line >= 0 && this.lines.rowOf(this.grid.active) !== row) this.grid.choose(line);
    }

    save() {
        const { view, run, state } = this;
        const columns = [...this.table.columns.keys()];
        const remarks = [
            `registry-audit ${view.title.toLowerCase()} of run ${run.id}, evidence ${run.evidence}`,
            `filter: ${this.filterText()}`,
            `address: ${write({ ...state, row: null })}`,
        ];
        if (run.caveat) remarks.unshift(run.caveat);
        download(`${view.table}-${run.id}.csv`, csv(this.table, this.lines.rows, columns, remarks.map(shown)));
        say(`${counted(this.lines.rows.length, "row")} saved`);
    }

    filterText() {
        const parts = [...this.terms].map(([name, values]) => `${name} = ${[...values].join(" or ")}`);
        if (this.state.words)
            parts.push(this.state.regex ? `matches /${this.state.words}/` : `holds "${this.state.words}"`);
        return parts.length ? parts.join("; ") : "none";
    }
}

// Put a view's parts into the page.
export function place(explorer) {
    const section = find("#view-table");
    section.querySelector("h2").textContent = explorer.view.title;
    section.querySelector(".about").textContent = explorer.view.about;
    const put = (selector, ...parts) => {
        const holder = section.querySelector(selector);
        if (parts[0]?.parentElement !== holder || holder.childElementCount !== parts.length)
            holder.replaceChildren(...parts);
    };
    put(".tools", ...explorer.tools);
    section.querySelector(".chips").replaceChildren(...(explorer.chips ?? []));
    put(".sheet", explorer.grid.element, explorer.grid.empty);
}
