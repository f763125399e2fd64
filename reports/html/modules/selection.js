// Texts about several causes or findings: a ticket in Markdown, a script for each zone, exceptions in YAML.
import { spelled } from "./reach.js";

// Mentions, references and links, and what is markup within a line: as reports/markdown.py writes names.
const REFERENCE = /@|[#!%&~$](?=[\p{L}\p{N}_])|:(?=\/\/)|(?<=www)(?=\.)/giu;
const ACTIVE = /[\\`*_[\]|~$]/g;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function markdown(text) {
    return oneLine(text)
        .replace(REFERENCE, (match) => `${match}\u200b`)
        .replace(ACTIVE, (letter) => `\\${letter}`)
        .replace(/[&<>]/g, (letter) => ENTITIES[letter]);
}

// Return a text without what ends a line or shows nothing: a name cannot begin a line of its own.
function oneLine(text) {
    return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => escaped(letter));
}

function escaped(letter) {
    const code = letter.codePointAt(0);
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

// Return a text as a double-quoted scalar of YAML.
function yaml(text) {
    return JSON.stringify(text).replace(/[^\x20-\x7e]/gu, (letter) => escaped(letter));
}

function byZone(records) {
    const zones = new Map();
    for (const record of records) {
        if (!zones.has(record.zone)) zones.set(record.zone, []);
        zones.get(record.zone).push(record);
    }
    return [...zones];
}

// A finding has a `remedy`, a cause a `fix`.
const isCause = (record) => record.fix !== undefined;
const isPatch = (commands) => /^\s*oc patch (cluster)?rolebinding /m.test(commands);

function counts(record) {
    if (!isCause(record)) return `${record.state}, first seen ${record.first_seen || "in this run"}`;
    return `${record.findings} findings (${record.critical} critical, ${record.high} high), ${record.new} new`;
}

// Return a ticket about the records.
export function ticket(records, run) {
    const lines = ["# Registry access: to be decided", "", `Run ${markdown(run.id)}, evidence ${run.evidence}`, ""];
    if (run.caveat) lines.splice(2, 0, `**${markdown(run.caveat)}**`, "");
    for (const [zone, some] of byZone(records)) {
        lines.push(`## Zone ${markdown(zone)}`, "");
        for (const record of some) {
            const unsure = record.answer === "unknown" ? " (unknown: data is missing)" : "";
            lines.push(`- [ ] **${record.severity}**: ${markdown(record.detail)}${unsure}`, "");
            lines.push(`  ${counts(record)}; ${isCause(record) ? "cause" : "finding"} ${record.id}`, "");
            if (record.remains) lines.push(`  Remains: ${markdown(record.remains)}`, "");
            const commands = record.fix ?? record.remedy;
            // An indented block: no text within it can end it.
            if (commands) lines.push(...commands.split("\n").map((line) => `      ${line}`), "");
        }
    }
    return `${lines.join("\n").trimEnd()}\n`;
}

// Return for each zone what fixes the records, as a script.
export function scripts(records, run) {
    return byZone(records).map(([zone, some]) => {
        const head = [
            "#!/bin/bash",
            `# Zone ${oneLine(zone)}. Made from run ${oneLine(run.id)}; read it before it is run.`,
            "set -eu",
        ];
        const parts = some.every(isCause) ? some.map((record) => part(record, record.fix)) : remedies(some);
        // A patch holds the subjects that stay as they were seen: after another command it would bring some back.
        const ordered = [...parts.filter(isPatch), ...parts.filter((text) => !isPatch(text))];
        return [zone, `${[...head, ...ordered].join("\n")}\n`];
    });
}

function part(record, commands) {
    return `\n# ${record.severity}: ${oneLine(record.detail)}\n${commands || "# No command fixes it."}`;
}

// Return what fixes findings. Of several about one subject of a binding, the shortest remedy: others give it a lesser
// right first, which could be what the shortest is about.
function remedies(findings) {
    const things = new Map();
    const patches = new Map();
    for (const record of findings) {
        const { namespace, binding_kind, binding, subject_kind, subject, remedy, cause } = record;
        const key = JSON.stringify(binding ? [namespace, binding_kind, binding, subject_kind, subject] : record.id);
        const other = things.get(key);
        if (!other || remedy.length < other.remedy.length) things.set(key, record);
        if (isPatch(remedy)) patches.set(cause, (patches.get(cause) ?? new Set()).add(key));
    }
    return [...things.values()].map((record) =>
        isPatch(record.remedy) && patches.get(record.cause).size > 1
            ? part(
                  record,
                  `# Several of these replace the subjects of one binding, and would undo each other: take the fix of cause ${record.cause}.`,
              )
            : part(record, record.remedy),
    );
}

// Return a name as a pattern that only it matches; an empty one matches all.
function glob(name) {
    return name === "" ? "*" : name.replace(/[*?[]/g, "[$&]");
}

// Return exceptions for the records, to be completed: without a reason, a name and a day they are refused. Two findings
// may need the same exception, which stands there once.
export function exceptions(records) {
    const entries = new Map();
    for (const record of records) {
        const about = (isCause(record) ? byCause(record) : byNames(record)).join("\n    ");
        const remark = `  # ${record.severity}: ${oneLine(record.detail)}`;
        entries.set(about, `${remark}\n  - ${about}\n    why: ""\n    decided_by: ""\n    until: ""`);
    }
    const lines = ["# Complete each entry: why, decided_by, and until (YYYY-MM-DD).", "exceptions:", ...entries.values()];
    return `${lines.join("\n")}\n`;
}

function byCause({ id, findings }) {
    return [`cause: ${yaml(id)}`, `count: ${findings}`, `limit: ${findings}`];
}

function byNames({ check, zone, namespace, subject_kind, subject }) {
    return [
        `check: ${yaml(glob(check))}`,
        `zone: ${yaml(glob(zone))}`,
        `namespace: ${yaml(glob(namespace))}`,
        `subject: ${yaml(glob(subject && spelled(subject_kind, subject)))}`,
    ];
}
