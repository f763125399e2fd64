// The words of the page: one word for one thing, as in the glossary.

export const KIND_WORDS = {
    User: "user",
    Group: "group",
    ServiceAccount: "service account",
    Any: "unknown subject",
    AnyUser: "unknown user",
};
const RIGHTS = [
    ["create", "push (including to new repositories)"],
    ["push", "push to existing repositories"],
    ["pull", "pull"],
    ["delete", "delete images and prune"],
    ["catalog", "list all repositories of the registry"],
    ["sign", "sign images"],
];

export function listed(words) {
    return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : (words[0] ?? "");
}

// Return in words what a row certainly allows (`allowed`), and what it may allow (`unknown`).
export function rights(row) {
    const allowed = RIGHTS.filter(([name]) => row[name] === "yes" && !(name === "push" && row.create === "yes"));
    const unknown = RIGHTS.filter(([name]) => row[name] === "unknown");
    return { allowed: listed(allowed.map(([, words]) => words)), unknown: listed(unknown.map(([name]) => name)) };
}

export function namespaceWords(namespace) {
    return namespace === "*" ? "all namespaces" : `namespace ${namespace}`;
}

export function place(row) {
    const repository = row.repository && row.repository !== "*" ? `repository ${row.repository} of ` : "";
    return `${repository}${namespaceWords(row.namespace)} in zone ${row.zone}`;
}

export function who(row) {
    if (row.subject_kind === "Any") return "any subject (the role bindings are incomplete)";
    if (row.subject_kind === "AnyUser") return "any member of a group whose members are unknown";
    return `${KIND_WORDS[row.subject_kind] ?? row.subject_kind} ${row.subject}`;
}

const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)$/;

// Return a time (RFC 3339, UTC) as people read it, and any other text as it is.
export function when(text) {
    return text.replace(TIME, "$1 $2 UTC");
}

export function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
}
