// The drawer of a cause: what it is, what fixes it, what stays open, and how it can be accepted.
import { link } from "./address.js";
import { authorization } from "./authorization.js";
import { counted, make, shown } from "./dom.js";
import { command, facts, heading, links } from "./drawer_parts.js";
import { exceptions } from "./selection.js";

const KINDS = {
    binding: "bindings of one name, role and subject",
    subjects: "subjects of one binding",
    role: "a role",
    subject: "a subject",
    tokens: "tokens of accounts of one name",
    namespace: "namespaces",
    repository: "repositories",
    lists: "lists that were not read",
};

// Return how many of something a cause touches; -1 has a meaning of its own.
function touches(count, singular, all) {
    return count === "-1" ? all : counted(Number(count), singular, singular === "person" ? "people" : `${singular}s`);
}

export async function causeDrawer(record) {
    const { checks } = await authorization();
    const names = record.checks.split(", ");
    const open = Number(record.findings) - Number(record.accepted) - Number(record.unknown);
    return {
        title: `${record.severity}: ${counted(Number(record.findings), "finding")}`,
        why: record.detail,
        parts: [
            links(["Findings", link("findings", { cause: record.id, state: "every" })]),
            facts([
                ["Zone", record.zone],
                ["Decision about", KINDS[record.kind] ?? record.kind],
                ["Open", `${open} certain: ${record.critical} critical, ${record.high} high; ${record.new} new`],
                ["Unknown", record.unknown === "0" ? "" : `${record.unknown}: data that decides is missing`],
                ["Accepted", record.accepted === "0" ? "" : record.accepted],
                [
                    "Touches",
                    [
                        touches(record.namespaces, "namespace", "all namespaces of the zone"),
                        touches(record.organizations, "organization", "all organizations"),
                        touches(record.people, "person", "everybody, or people who are not known"),
                    ].join("; "),
                ],
                ["Proposed", record.proposed === "0" ? "" : `fix ${record.proposed} of those that close all critical findings`],
            ]),
            heading("Why it matters"),
            names.filter((name) => checks[name]).map((name) => make("p", {}, shown(checks[name]))),
            heading(`Fix in zone ${shown(record.zone)}`),
            record.fix
                ? command(record.fix)
                : make("p", { class: "note" }, "No command fixes it: somebody has to decide what is right."),
            facts([["What remains", record.remains]]),
            heading("Accept it instead"),
            command(exceptions([record])),
            facts([["ID", record.id]]),
        ],
    };
}
