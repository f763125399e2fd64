// The controls above the rows: search, filters, grouping, order, columns, CSV; and the chips of the active filters.
import { without } from "./conditions.js";
import { counted, make, shown } from "./dom.js";
import { facetMenu, valueWord } from "./filter_menus.js";
import { subjects } from "./query.js";
import { REACH } from "./reach.js";
import { exceptions, scripts, ticket } from "./selection.js";

export const EVERY = "every"; // in the address: show hidden rows too
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

export class Toolbar {
    // `acts`: change(part of the state, replace), choose(column, value, on), toggle(column, visible), save(),
    // export(title, kind), unpick().
    constructor(view, table, lines, acts) {
        Object.assign(this, { view, table, lines, acts, open: false, boxes: new Map() });
        this.words = make("input", {
            type: "search",
            id: "words",
            placeholder: "Words, -not, how:named, members>50, /regex/",
            "aria-label": `Search ${view.title}`,
            autocomplete: "off",
            spellcheck: "false",
            input: () => this.search(),
        });
        this.menus = view.facets.map((name) => facetMenu(this.label(name), name, acts.choose));
        this.group = this.groupPicker();
        this.order = this.orderPicker();
        this.selection = make("span", { class: "selection", hidden: true });
        this.count = make("output", { "aria-live": "polite" });
        this.filters = make(
            "button",
            { type: "button", class: "filters", "aria-expanded": "false", click: () => this.showFilters() },
            "Filters",
        );
        this.elements = [
            this.words,
            this.filters,
            ...this.menus.map((menu) => menu.element),
            this.group,
            this.order,
            this.columnMenu(),
            make(
                "button",
                { type: "button", id: "csv", title: "Save the filtered rows (e)", click: acts.save },
                "⤓ CSV",
            ),
            this.selection,
            this.count,
        ];
    }

    // What can be done with the selected rows.
    updateSelection() {
        const { size } = this.lines.picked;
        const button = (words, click) => make("button", { type: "button", click }, words);
        const show = (words, kind) => button(words, () => this.acts.export(words, kind));
        this.selection.hidden = !size;
        this.selection.replaceChildren(
            make("b", {}, `${counted(size, "row")} selected`),
            show("Ticket", (records, run) => [["ticket.md", ticket(records, run)]]),
            show("Script for each zone", (records, run) =>
                scripts(records, run).map(([zone, text]) => [`fix-${zone}.sh`, text]),
            ),
            show("Exceptions", (records) => [["exceptions.yaml", exceptions(records)]]),
            button("Clear", this.acts.unpick),
        );
    }

    label(name) {
        return REACH[name] ?? this.view.columns.find((column) => column.name === name)?.label ?? name;
    }

    // Where there is little room, the filters are behind one button.
    showFilters() {
        this.open = !this.open;
        this.filters.setAttribute("aria-expanded", this.open);
        this.filters.parentElement.classList.toggle("open", this.open);
    }

    groupPicker() {
        const names = [...(this.view.groups ?? []), ...GROUPS].filter((name) => this.table.column(name) && !this.table.column(name).items);
        const choices = [
            ["", "Group by …"],
            ...names.map((name) => [name, `Group by ${this.label(name).toLowerCase()}`]),
        ];
        const picker = this.picker("Group by", "group", choices, () =>
            this.acts.change({ group: picker.value, sort: "" }),
        );
        return picker;
    }

    orderPicker() {
        const choices = this.view.columns.filter(({ name }) => name).flatMap(({ name, label }) => [
            [name, `${label} ↑`],
            [`-${name}`, `${label} ↓`],
        ]);
        const picker = this.picker("Sort by", "order", [["", "Default order"], ...choices], () =>
            this.acts.change({ sort: picker.value }),
        );
        return picker;
    }

    picker(label, name, choices, change) {
        return make(
            "select",
            { "aria-label": label, title: label, "data-picker": name, change },
            choices.map(([value, words]) => make("option", { value }, words)),
        );
    }

    columnMenu() {
        const boxes = this.view.columns.filter(({ name }) => name).map(({ name, label }) => {
            const box = make("input", {
                type: "checkbox",
                value: name,
                change: () => this.acts.toggle(name, box.checked),
            });
            this.boxes.set(name, box);
            return make("label", {}, box, make("span", {}, label));
        });
        return make(
            "details",
            { class: "columns" },
            make("summary", {}, "Columns"),
            make("div", { class: "menu" }, boxes),
        );
    }

    search() {
        const text = this.words.value;
        const pattern = text.match(/^\/(.*)\/$/s);
        this.acts.change({ words: pattern ? pattern[1] : text, regex: Boolean(pattern) }, true);
    }

    // Mark whether the search is a valid regular expression: one that is not filters nothing.
    valid(is) {
        this.invalid = !is;
        if (is) this.words.removeAttribute("aria-invalid");
        else this.words.setAttribute("aria-invalid", "true");
    }

    // Show the state of the address, and what was selected by it.
    update(state, selected, conditions) {
        const { view } = this;
        if (document.activeElement !== this.words) this.words.value = state.regex ? `/${state.words}/` : state.words;
        const active = [...state.terms].filter(([name]) => view.facets.includes(name)).length;
        this.filters.textContent = active ? `Filters (${active})` : "Filters";
        for (const [name, box] of this.boxes) box.checked = !this.lines.hidden.has(name);
        this.group.value = state.group;
        this.order.value = state.sort;
        view.facets.forEach((name, at) =>
            this.menus[at].update(this.table, selected.counts.get(name), state.terms.get(name) ?? new Set()),
        );
        const { people, groups, accounts } = subjects(this.table, selected.rows);
        const who = `${counted(people, "user")}, ${counted(groups, "group")}, ${counted(accounts, "service account")}`;
        this.count.textContent = `${counted(selected.rows.length, "row")}${people + groups + accounts ? ` · ${who}` : ""}`;
        this.count.dataset.rows = selected.rows.length;
        this.chips = [...this.termChips(state, conditions), ...this.foldChips(state, selected)];
    }

    termChips(state, conditions) {
        const chips = [...state.terms].flatMap(([name, values]) =>
            [...values]
                .filter((value) => value !== EVERY)
                .map((value) =>
                    chip(`${this.label(name)}: ${shown(valueWord(name, value))}`, () =>
                        this.acts.choose(name, value, false),
                    ),
                ),
        );
        const clear = () => this.acts.change({ words: "", regex: false });
        if (this.invalid)
            return [...chips, chip(`Invalid regular expression, not applied: /${shown(state.words)}/`, clear)];
        const remove = (raw) => this.acts.change({ words: state.regex ? "" : without(state.words, raw), regex: false });
        return [...chips, ...conditions.map(({ label, raw }) => chip(shown(label), () => remove(raw)))];
    }

    // Return the chip that shows or hides the rows that are hidden at first.
    foldChips(state, selected) {
        const { folded } = this.view;
        if (!folded) return [];
        const chosen = state.terms.get(folded.column);
        const hidden = selected.kept.get(folded.column);
        const button = (words, on, count = null) =>
            make(
                "button",
                {
                    type: "button",
                    class: "fold",
                    "data-folded": count,
                    click: () => this.acts.choose(folded.column, EVERY, on),
                },
                words,
            );
        if (!chosen && hidden) return [button(`${counted(hidden, "row")} ${folded.words} hidden: show`, true, hidden)];
        return chosen?.has(EVERY) ? [button(`Including rows ${folded.words}: hide`, false)] : [];
    }
}

function chip(text, click) {
    return make("button", { type: "button", title: "Remove this filter", click }, `${text} ✕`);
}
