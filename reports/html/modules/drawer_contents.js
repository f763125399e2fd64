// Why a row is there, for each table.
import { accessReason, grantsReason } from "./drawer_access.js";
import { link } from "./address.js";
import { counted, make, shown } from "./dom.js";
import { code, command, facts, heading, links } from "./drawer_parts.js";
import { namespacesReason, subjectsReason } from "./drawer_places.js";
import { capital, place, who } from "./words.js";

async function findingsReason(record) {
    const where = { zone: record.zone, namespace: record.namespace, subject: record.subject };
    const evidence =
        record.evidence_in && Number(record.rows)
            ? [
                  [
                      `${counted(Number(record.rows), "row")} of evidence`,
                      link(
                          record.evidence_in,
                          record.subject
                              ? { ...where, ...(record.evidence_in === "access" ? { expected: "every" } : {}) }
                              : { zone: record.zone, namespace: record.namespace },
                      ),
                  ],
              ]
            : [];
    return {
        title: record.title,
        why: record.detail,
        parts: [
            record.answer === "unknown"
                ? make("p", { class: "caveat" }, "It may be so: what decides was not seen.")
                : null,
            links(...evidence, [
                "The namespace",
                link("namespaces", { zone: record.zone, namespace: record.namespace }),
            ]),
            record.remedy ? [heading("Take it away"), command(record.remedy)] : null,
            heading("History"),
            facts([
                ["State", record.state],
                ["First seen", record.first_seen],
                ["Last seen", record.last_seen],
                ["Exception", record.exception],
                ["Until", record.until],
            ]),
            heading("About"),
            facts([
                ["Severity", record.severity],
                ["Confidence", record.confidence],
                ["Check", record.check],
                ["Controls", record.controls],
                ["Binding", record.binding && `${record.binding_kind} ${record.binding}`],
                ["Role", record.role && `${record.role_kind} ${record.role}`],
                ["Id", record.id],
            ]),
        ],
    };
}

async function changesReason(record) {
    return {
        title: `${record.change}: ${record.subject || record.namespace || record.binding}`,
        why: record.cause || `${capital(record.object)} ${record.change}.`,
        parts: [
            facts([
                ["Before", record.before || "nothing"],
                ["Now", record.after || "nothing"],
                ["Where", place(record)],
                ["Who", record.subject && who(record)],
                ["Binding", record.binding && `${record.binding_kind} ${record.binding}`],
                ["Since", record.since],
                ["Compared with", record.from_run],
            ]),
            record.object === "access" && record.change !== "lost"
                ? links([
                      "Its access now",
                      link(
                          "access",
                          { expected: "every" },
                          {
                              row: [
                                  record.zone,
                                  record.namespace,
                                  record.repository,
                                  record.subject_kind,
                                  record.subject,
                              ],
                          },
                      ),
                  ])
                : null,
        ],
    };
}

async function repositoriesReason(record) {
    return {
        title: `${record.namespace}/${record.repository}`,
        why: `${record.pushed ? `Last pushed ${record.pushed}` : "Never pushed"}. By bindings of the namespace, ${counted(Number(record.push_subjects), "subject")} can push and ${counted(Number(record.pull_subjects), "subject")} can pull.`,
        parts: [
            links(
                [
                    "Who can",
                    link("access", {
                        zone: record.zone,
                        namespace: [record.namespace, "*"],
                        repository: ["*", record.repository],
                        expected: "every",
                    }),
                ],
                [
                    "The namespace",
                    link(
                        "namespaces",
                        { zone: record.zone, namespace: record.namespace },
                        { row: [record.zone, record.namespace] },
                    ),
                ],
            ),
            facts([
                ["Created", record.created],
                ["Open for pull", record.open_pull],
                ["Open for push", record.open_push],
            ]),
        ],
    };
}

async function exceptionsReason(record) {
    return {
        title: record.id,
        why: `${record.decided_by || "Somebody"} accepted ${record.check} until ${record.until || "no day"}: ${record.reason}`,
        parts: [
            facts([
                ["State", record.state],
                ["Zones", record.zone],
                ["Namespaces", record.namespace],
                ["Subjects", record.subject],
                ["Ticket", record.ticket],
                ["Findings", record.findings],
            ]),
            links(["The findings it covers", link("findings", { exception: record.id, state: "every" })]),
        ],
    };
}

async function organizationsReason(record) {
    const states = {
        same: "The zone's group lists whom the control API lists.",
        differs: "The zone's group and the control API list different people.",
        "no-group": "The zone has no such group.",
        "not-declared": "The control API has no such organization or team.",
        "not-asked": "No control API was asked.",
        "only-declared": "The control API lists this person, and the zone's group does not.",
        "only-in-zone": "The zone's group lists this person, and the control API does not.",
    };
    return {
        title: record.subject || record.group || record.organization,
        why: states[record.state] ?? "What decides was not seen.",
        parts: [
            facts(Object.entries(record)),
            links(["Its namespaces", link("namespaces", { zone: record.zone, organization: record.organization })]),
        ],
    };
}

async function controlsReason(record) {
    const checks = record.checks ? record.checks.split(", ") : [];
    return {
        title: `${record.framework} ${record.control}`,
        why: `${record.asks} ${record.answered === "no" ? "Nothing here answers it." : "What is here answers it in part."}`,
        parts: [
            heading("What is not answered here"),
            make("p", {}, shown(record.not_answered)),
            heading("Checks that touch it"),
            checks.length
                ? [
                      links(...checks.map((one) => [one, link("findings", { check: one, state: "every" })])),
                      links(["All their findings that are open", link("findings", { check: checks })]),
                  ]
                : make("p", {}, "None."),
            heading("Tables that serve it"),
            make("p", {}, record.tables ? code(record.tables) : "None."),
        ],
    };
}

async function coverageReason(record) {
    return {
        title: `${record.kind} of ${record.zone}`,
        why:
            record.state === "seen"
                ? `${counted(Number(record.count), "object")} were listed.`
                : `${record.state}: ${record.detail}`,
        parts: [facts(Object.entries(record).map(([name, value]) => [name.replace("_", " "), value]))],
    };
}

// By the name of the table.
export const REASONS = {
    access: accessReason,
    grants: grantsReason,
    namespaces: namespacesReason,
    subjects: subjectsReason,
    findings: findingsReason,
    changes: changesReason,
    repositories: repositoriesReason,
    exceptions: exceptionsReason,
    coverage: coverageReason,
    organizations: organizationsReason,
    controls: controlsReason,
};
