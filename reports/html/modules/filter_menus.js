// Filter menus: the values of a column, with the number of rows that have each.
import { formatted, make, shown } from "./dom.js";
import { facetOf } from "./query.js";
import { KIND_WORDS } from "./words.js";

const LISTED = 200; // values shown in one menu

// Return how a value is displayed.
export function valueWord(name, value) {
    if (name === "subject_kind") return KIND_WORDS[value] ?? value;
    if (name === "for") return `${value}, with its virtual groups`;
    if (name === "in") return `${value}, with cluster-wide access`;
    if (value === "" && (name === "used" || name === "push_used")) return "not known: no logs were read";
    if (value === "") return "(none)";
    if (value === "*") return name === "namespace" ? "all namespaces" : "(all)";
    return value;
}

// Return a menu for one column. `changed(name, value, on)` is called for each choice.
export function facetMenu(label, name, changed) {
    const summary = make("summary", {}, label);
    const list = make("div");
    const find = make("input", {
        type: "search",
        placeholder: "Find a value",
        "aria-label": `Find a value of ${label}`,
        input: () => menu.fill(),
    });
    const menu = {
        element: make(
            "details",
            { class: "facet", "data-facet": name, toggle: () => menu.fill() },
            summary,
            make("div", { class: "menu" }, find, list),
        ),
    };
    let state = null;

    menu.update = (table, counts, chosen) => {
        state = { table, counts, chosen };
        summary.classList.toggle("active", chosen.size > 0);
        menu.fill();
    };
    menu.fill = () => {
        if (!menu.element.open || !state) return;
        const { values } = facetOf(state.table, name);
        const words = find.value.toLowerCase();
        const all = values.map((value, code) => ({ value, count: state.counts[code], word: valueWord(name, value) }));
        const useful = all.filter(
            ({ value, count, word }) => (count || state.chosen.has(value)) && word.toLowerCase().includes(words),
        );
        useful.sort((entry, other) => other.count - entry.count);
        find.hidden = values.length < 12;
        const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
        list.replaceChildren(...useful.slice(0, LISTED).map((entry) => choice(entry, state.chosen.has(entry.value))));
        if (useful.length > LISTED)
            list.append(
                make("p", { class: "note" }, `and ${formatted(useful.length - LISTED)} more: type to narrow the list`),
            );
        if (!useful.length) list.append(make("p", { class: "note" }, "No values in these rows."));
        if (focused !== null) [...list.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
    };

    function choice({ value, count, word }, checked) {
        const input = make("input", { type: "checkbox", value, change: () => changed(name, value, input.checked) });
        input.checked = checked;
        return make(
            "label",
            { "data-value": value },
            input,
            make("span", {}, shown(word)),
            make("span", {}, formatted(count)),
        );
    }
    return menu;
}
