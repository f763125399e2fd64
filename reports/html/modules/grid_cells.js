// How the cells of a row are displayed, by the kind of their column.
import { SEVERITIES } from "./tables.js";
import { KIND_WORDS } from "./words.js";

const DAY = /^(\d{4}-\d\d-\d\d)T.*$/;
export const NO_LOGS = "not known: no logs of this zone were read (--usage)";

// Return the text of a cell, its classes, a label for screen readers where the text is a symbol, and a title where it is
// shortened.
export function cellOf(table, column, row) {
    const text = table.text(row, column.name);
    switch (column.kind) {
        case "answer":
            return ANSWER[text];
        case "kind":
            return { text: KIND_WORDS[text] ?? text, class: "" };
        case "count":
            return text === "-1"
                ? { text: "?", class: "n maybe", label: "unknown" }
                : { text: text === "0" ? "" : Number(text).toLocaleString("en-US"), class: "n" };
        // -1 is all of the zone, in which no number is known.
        case "spread":
            return { text: text === "-1" ? "all" : text === "0" ? "" : Number(text).toLocaleString("en-US"), class: "n" };
        case "zones":
            return { text: text === "0" ? "" : text === "1" ? "1 zone" : `${text} zones`, class: "n" };
        case "blind":
            return text === "yes" ? { text: "◌ incomplete", class: "maybe" } : { text: "", class: "" };
        case "use":
            return text ? { text: text.replace(DAY, "$1"), class: "", title: text } : { text: "no logs", class: "note", title: NO_LOGS };
        case "time":
            // The day is what people compare; the exact time is in the title of the cell.
            return { text: text.replace(DAY, "$1"), class: "", title: text };
        case "severity":
            return { text, class: text === SEVERITIES[0] ? "critical" : text === SEVERITIES[1] ? "grave" : "" };
        case "open":
            return { text, class: text ? "grave" : "" };
        // A row of all accounts of a name: each reaches its own namespace.
        case "own":
            if (text === "*" && table.text(row, "subject").startsWith("*:")) return { text: "its own", class: "" };
            return named(column, text);
        case "name":
        case "glob":
        case "subject":
            return named(column, text);
        default:
            return { text, class: "" };
    }
}

const ANSWER = {
    yes: { text: "●", class: "answer", label: "yes" },
    unknown: { text: "◌", class: "answer maybe", label: "unknown" },
    no: { text: "", class: "answer", label: "no" },
};

function named(column, text) {
    if (text !== "*") return { text, class: "name-cell" };
    if (column.kind === "subject") return { text: "unknown", class: "maybe" };
    if (column.kind === "glob") return { text: "any", class: "" };
    const every = { namespace: "all namespaces", organization: "all" };
    return { text: every[column.name] ?? text, class: column.name === "namespace" ? "every" : "name-cell" };
}
