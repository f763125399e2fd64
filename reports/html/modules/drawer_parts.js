// The parts that drawers are made of.
import { make, shown } from "./dom.js";
import { KIND_WORDS, when } from "./words.js";

// Return how many entries of a list are shown: as many as are read at a glance, or, on a page of their own, all.
export function most() {
    return document.body.dataset.whole === "yes" ? Infinity : 40;
}

// A time as people read it; the exact one is in its title.
export function time(text) {
    const words = when(text);
    return words === text ? shown(text) : make("time", { datetime: text, title: text }, words);
}

export function code(words) {
    return make("code", {}, shown(words));
}

export function heading(words) {
    return make("h3", {}, words);
}

export function facts(pairs) {
    const known = pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null);
    return make(
        "dl",
        {},
        known.flatMap(([name, value]) => [
            make("dt", {}, name),
            make("dd", {}, typeof value === "string" ? time(value) : value),
        ]),
    );
}

export function links(...pairs) {
    return make(
        "p",
        { class: "links" },
        pairs.map(([words, href]) => make("a", { href }, shown(words))),
    );
}

// Commands, one a line, with a button that copies them.
export function command(words) {
    const text = make("pre", {}, words.split("\n").map(shown).join("\n"));
    const copy = make(
        "button",
        { type: "button", click: () => navigator.clipboard.writeText(words).then(() => (copy.textContent = "Copied")) },
        "Copy",
    );
    return make("div", { class: "command" }, text, copy);
}

function step(kind, ...words) {
    return make("li", {}, make("span", { class: "kind" }, kind), make("span", {}, ...words));
}

// The chain of one grant: subject, group, binding, role, the roles it is aggregated from, rules.
export function chain(grant) {
    const where = grant.namespace === "*" ? "" : ` in ${grant.namespace}`;
    const steps = [step(KIND_WORDS[grant.subject_kind] ?? grant.subject_kind, code(grant.subject))];
    if (grant.group) steps.push(step("member of group", code(grant.group)));
    if (grant.binding)
        steps.push(
            step(
                "bound by",
                grant.binding_kind,
                " ",
                code(grant.binding),
                shown(where),
                ...(grant.since ? [" since ", time(grant.since)] : []),
            ),
        );
    else steps.push(step("built in", "the API server allows this group everything, without RBAC"));
    if (grant.role) steps.push(step("to role", grant.role_kind, " ", code(grant.role)));
    for (const source of grant.aggregated_from ? grant.aggregated_from.split(", ") : [])
        steps.push(step("aggregated from", "ClusterRole ", code(source)));
    if (grant.rule) steps.push(...grant.rule.split("; ").map((rule) => step("rule", code(rule))));
    if (grant.problem) steps.push(step("grants nothing", make("strong", { class: "caveat" }, grant.problem)));
    return make("ol", { class: "chain" }, steps);
}
