// What the cells of a row say, each in one way everywhere.
import { SEVERITIES } from "./tables.js";
import { KIND_WORDS } from "./words.js";

// Return what a cell says and of which class it is.
export function cellOf(table, one, row) {
    const text = table.text(row, one.name);
    switch (one.kind) {
        case "answer":
            return ANSWER[text];
        case "kind":
            return { text: KIND_WORDS[text] ?? text, class: "" };
        case "count":
            return text === "-1"
                ? { text: "?", class: "n maybe", says: "not known" }
                : { text: text === "0" ? "" : Number(text).toLocaleString("en-US"), class: "n" };
        case "zones":
            return { text: text === "0" ? "" : text === "1" ? "1 zone" : `${text} zones`, class: "n" };
        case "blind":
            return text === "yes" ? { text: "◌ not all seen", class: "maybe" } : { text: "", class: "" };
        case "severity":
            return { text, class: SEVERITIES.slice(0, 2).includes(text) ? "grave" : "" };
        case "open":
            return { text, class: text ? "grave" : "" };
        case "name":
        case "subject":
            return named(one, text);
        default:
            return { text, class: "" };
    }
}

const ANSWER = {
    yes: { text: "●", class: "answer", says: "yes" },
    unknown: { text: "◌", class: "answer maybe", says: "unknown" },
    no: { text: "", class: "answer", says: "no" },
};

function named(one, text) {
    if (text !== "*") return { text, class: "name-cell" };
    const every = { namespace: "every namespace", repository: "*", organization: "every one", subject: "not seen who" };
    return {
        text: every[one.name] ?? text,
        class: one.name === "subject" ? "maybe" : one.name === "namespace" ? "every" : "name-cell",
    };
}
