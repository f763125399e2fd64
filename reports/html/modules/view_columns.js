// The columns that several views share.

// A column: its name in the table, its heading, how it is shown, its width in pixels, and whether it starts hidden.
export function column(name, label, kind = "text", width = 120, hidden = false) {
    return { name, label, kind, width, hidden };
}

// A box that selects the row; no column of the table.
export const PICK = column("", "Selected", "pick", 34);

export const ZONE = column("zone", "Zone", "text", 88);
export const NAMESPACE = column("namespace", "Namespace", "name", 180);
export const REPOSITORY = column("repository", "Repository", "name", 104);
export const ORGANIZATION = column("organization", "Organization", "name", 130);
export const WHO = [column("subject_kind", "Kind", "kind", 142), column("subject", "Subject", "subject", 200)];
export const RIGHTS = [
    column("pull", "Pull", "answer", 56),
    column("push", "Push", "answer", 56),
    column("create", "Create", "answer", 72),
];
export const MORE_RIGHTS = ["delete", "catalog", "sign"].map((name) =>
    column(name, name[0].toUpperCase() + name.slice(1), "answer", 72, true),
);
export const HOW = column("how", "How", "text", 82);
export const GROUP = column("group", "Through group", "name", 150);
export const BINDING = [
    column("binding_kind", "Binding kind", "text", 140, true),
    column("binding", "Binding", "name", 170),
];
export const ROLE = [
    column("role_kind", "Role kind", "text", 100, true),
    column("role", "Role", "name", 150),
    column("aggregated_from", "Aggregated from", "name", 140),
];
export const SINCE = column("since", "Since", "time", 100);
export const USE = [
    column("last_used", "Last used", "use", 104),
    column("used", "Used", "use", 96),
    column("push_used", "Push used", "use", 104, true),
    column("unused_days", "Unused days", "count", 104, true),
];
export const EXISTS = column("account", "Exists", "text", 84, true);
export const MEMBERS = column("members", "Members", "count", 84, true);
export const OPEN = [
    column("open_pull", "Open for pull", "open", 120),
    column("open_push", "Open for push", "open", 120),
];

export const PLACE_KEY = ["zone", "namespace"];
export const ACCESS_KEY = [...PLACE_KEY, "repository", "subject_kind", "subject"];

// The columns that count who can do something.
export function counts(action, label) {
    return [
        ["people", "users"],
        ["groups", "groups"],
        ["accounts", "accounts"],
    ].map(([name, word]) => column(`${action}_${name}`, `${label} ${word}`, "count", 108, action === "create"));
}
