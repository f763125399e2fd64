// The words of the page: the same ones for the same things everywhere.

export const KIND_WORDS = {
    User: "user",
    Group: "group",
    ServiceAccount: "account",
    Any: "anybody",
    AnyUser: "any person",
};
const RIGHTS = [
    ["create", "push (also repositories that do not exist yet)"],
    ["push", "push to repositories that exist"],
    ["pull", "pull"],
    ["delete", "delete images and prune"],
    ["catalog", "list every repository"],
    ["sign", "sign images"],
];

export function listed(words) {
    return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : (words[0] ?? "");
}

// Return what a row may do for certain, and what is not known, in words.
export function rights(row) {
    const held = RIGHTS.filter(([name]) => row[name] === "yes" && !(name === "push" && row.create === "yes"));
    const open = RIGHTS.filter(([name]) => row[name] === "unknown");
    return { held: listed(held.map(([, words]) => words)), open: listed(open.map(([name]) => name)) };
}

export function place(row) {
    const namespace = row.namespace === "*" ? "every namespace" : row.namespace;
    const repository = row.repository && row.repository !== "*" ? `repository ${row.repository} of ` : "";
    return `${repository}${namespace} of zone ${row.zone}`;
}

export function who(row) {
    if (row.subject_kind === "Any") return "anybody (it was not seen who)";
    if (row.subject_kind === "AnyUser") return "any person in a group whose members were not seen";
    const words = { User: "user", Group: "group", ServiceAccount: "service account" };
    return `${words[row.subject_kind] ?? row.subject_kind} ${row.subject}`;
}

export function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}
