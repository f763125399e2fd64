// Filters by effective access: `for` a subject and all that it acts as, `in` a namespace with what is cluster-wide.
import { actsAs } from "./authorization.js";

const PREFIXES = { user: "User", group: "Group", sa: "ServiceAccount" };
const SPELLED = Object.fromEntries(Object.entries(PREFIXES).map(([prefix, kind]) => [kind, prefix]));

// Return a subject as the commands spell it: `user/NAME`, `group/NAME`, `sa/NAMESPACE:NAME`.
export function spelled(kind, name) {
    return SPELLED[kind] ? `${SPELLED[kind]}/${name}` : name;
}

// Return the kind and name of a subject that is spelled so; an unknown prefix is part of the name of a user.
export function subjectOf(text) {
    const [, prefix, name] = text.match(/^(user|group|sa)\/(.*)$/s) ?? [null, "user", text];
    return [PREFIXES[prefix], name];
}

export const REACH = { for: "Access of", in: "Access to" };

// Return for each reach filter of a state which rows of a table pass it.
export async function reachFilters(table, terms) {
    const filters = new Map();
    if (!table.column("subject") || !table.column("namespace")) return filters;
    for (const [name, values] of terms) {
        if (name === "for") filters.set(name, await bySubject(table, values));
        if (name === "in") filters.set(name, byNamespace(table, values));
    }
    return filters;
}

async function bySubject(table, values) {
    const [kinds, subjects] = [table.column("subject_kind"), table.column("subject")];
    const wanted = new Uint8Array(kinds.values.length * subjects.values.length);
    for (const value of values) {
        for (const [kind, name] of await actsAs(...subjectOf(value))) {
            const [of, at] = [kinds.code(kind), subjects.code(name)];
            if (of >= 0 && at >= 0) wanted[at * kinds.values.length + of] = 1;
        }
    }
    return (row) => wanted[subjects.codes[row] * kinds.values.length + kinds.codes[row]];
}

function byNamespace(table, values) {
    const column = table.column("namespace");
    const wanted = Uint8Array.from(column.values, (value) => (value === "*" || values.has(value) ? 1 : 0));
    return (row) => wanted[column.codes[row]];
}
