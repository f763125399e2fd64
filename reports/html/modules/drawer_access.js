// Why somebody has access: a sentence, the chain, the commands, the history.
import { link } from "./address.js";
import { table } from "./tables.js";
import { checks, leaving, removal } from "./commands.js";
import { make, shown } from "./dom.js";
import { chain, command, facts, heading, links, SHOWN } from "./drawer_parts.js";
import { matching } from "./query.js";
import { capital, place, rights, who } from "./words.js";

// The platform's groups that somebody is in, beside itself and the groups that list it.
function circles(row) {
    if (row.subject_kind === "ServiceAccount")
        return [
            `system:serviceaccounts:${row.subject.split(":")[0]}`,
            "system:serviceaccounts",
            "system:authenticated",
        ];
    if (row.subject_kind === "User")
        return row.subject === "system:anonymous"
            ? ["system:unauthenticated"]
            : ["system:authenticated", "system:authenticated:oauth"];
    return [];
}

// Return the grants that give a subject what it has in a place: its own there and everywhere, and everybody's.
function grantsOf(grants, row) {
    const found = [];
    const subjects = [[row.subject_kind, row.subject], ...circles(row).map((name) => ["Group", name])];
    for (const namespace of new Set([row.namespace, "*"])) {
        for (const [subject_kind, subject] of subjects) {
            for (const at of matching(grants, { subject, subject_kind, namespace, zone: row.zone })) {
                const grant = grants.record(at);
                if (row.repository === "*" || grant.repository === "*" || grant.repository === row.repository)
                    found.push(grant);
            }
        }
    }
    return found;
}

export async function accessReason(record) {
    const grants = grantsOf(await table("grants"), record).filter(
        (grant) => record.repository !== "*" || grant.repository === "*" || !record.how,
    );
    const { held, open } = rights(record);
    const via = record.binding
        ? `, ${record.group ? `through group ${record.group}, ` : ""}by ${record.binding_kind} ${record.binding} to ${record.role_kind} ${record.role}${record.aggregated_from ? `, which has it from ${record.aggregated_from}` : ""}`
        : "";
    const sentences = [];
    if (held) sentences.push(`${capital(who(record))} can ${held} in ${place(record)}${via}.`);
    if (open)
        sentences.push(
            `Whether ${who(record)} can ${open} in ${place(record)} is not known: something that decides it was not seen.`,
        );
    const own = grants.find((grant) => grant.binding === record.binding && grant.group === record.group) ?? grants[0];
    const through = [...new Set(grants.map((grant) => grant.group).filter(Boolean))];
    const commands = checks(record, through);
    const away = [...new Set(grants.flatMap((grant) => [removal(grant), leaving(grant)]).filter(Boolean))];
    return {
        title: `${record.subject} in ${record.namespace === "*" ? "every namespace" : record.namespace}`,
        why: sentences.join(" "),
        parts: [
            heading(grants.length === 1 ? "The way in" : `The ways in: ${grants.length}`),
            grants.length
                ? [...new Set([own, ...grants])].slice(0, SHOWN).map(chain)
                : make(
                      "p",
                      { class: "note" },
                      "No grant of its own: it has this as one of many, or it was not seen who has it.",
                  ),
            commands.length ? [heading("Check it"), commands.map(command)] : null,
            away.length
                ? [
                      heading("Take it away"),
                      make(
                          "p",
                          { class: "note" },
                          `Each takes one way; access ends when none is left. Zone ${shown(record.zone)}.`,
                      ),
                      away.slice(0, SHOWN).map(command),
                  ]
                : null,
            await history(record),
            heading("More"),
            links(
                [
                    `All that ${record.subject} has`,
                    link("access", { subject_kind: record.subject_kind, subject: record.subject }),
                ],
                [
                    `All of ${record.namespace === "*" ? "the cluster-wide access" : record.namespace}`,
                    link("access", {
                        zone: record.zone,
                        namespace: record.namespace === "*" ? "*" : [record.namespace, "*"],
                    }),
                ],
            ),
        ],
    };
}

// What findings and changes say of a subject in a place, and since when.
async function history(record) {
    const wanted = { zone: record.zone, namespace: record.namespace, subject: record.subject };
    const [findings, changes] = [await table("findings"), await table("changes")];
    const found = matching(findings, wanted).map((row) => findings.record(row));
    const changed = matching(changes, wanted).map((row) => changes.record(row));
    return [
        heading("History"),
        facts([
            ["Bound since", record.since ?? ""],
            ...changed
                .slice(0, SHOWN)
                .map((one) => [
                    one.change,
                    `${one.before || "nothing"} → ${one.after || "nothing"}: ${one.cause} (since the run ${one.from_run})`,
                ]),
            ...found
                .slice(0, SHOWN)
                .map((one) => [
                    `Finding, ${one.state}`,
                    make(
                        "a",
                        { href: link("findings", { state: "every" }, { row: [one.id] }) },
                        shown(`${one.title} (${one.severity}), first seen ${one.first_seen || "in this run"}`),
                    ),
                ]),
        ]),
        !record.since && !changed.length && !found.length ? make("p", { class: "note" }, "Nothing is noted.") : null,
    ];
}

export async function grantsReason(record) {
    const away = [removal(record), leaving(record)].filter(Boolean);
    const { held, open } = rights(record);
    const can = record.problem ? `gets nothing: ${record.problem}` : held ? `can ${held}` : `may be able to ${open}`;
    return {
        title: record.binding || "system:masters",
        why: `${capital(who(record))} ${can} in ${place(record)}.`,
        parts: [
            heading("The way in"),
            chain(record),
            away.length ? [heading("Take it away"), away.map(command)] : null,
            links([
                "All its access there",
                link("access", {
                    zone: record.zone,
                    namespace: record.namespace,
                    subject: record.subject,
                    expected: "every",
                }),
            ]),
        ],
    };
}
