// The ask bar: a question or a name, and the answers to choose from; Ctrl+K opens it in every view.
import { answers } from "./ask.js";
import { find, make, say, shown } from "./dom.js";

const EXAMPLES = "A name, “user ann push shop”, “who can pull shop/web”, or “org:acme push:yes -how:implied people>50”";

// `views` by id; `current()` is the view that is shown; `go(address)` leads to an answer.
export function askBar(views, current, go) {
    const dialog = find("#ask");
    const input = make("input", {
        type: "search",
        role: "combobox",
        "aria-label": "Ask",
        "aria-controls": "answers",
        "aria-expanded": "true",
        "aria-autocomplete": "list",
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "Ask, or type a name",
        input: () => fill(),
        keydown: (event) => key(event),
    });
    const list = make("ul", { id: "answers", role: "listbox", "aria-label": "Answers" });
    const note = make("p", { class: "note" });
    dialog.replaceChildren(input, list, note);
    let found = [];
    let chosen = 0;
    let asked = 0;

    async function fill() {
        const mine = ++asked;
        const given = await answers(input.value, views, current());
        if (mine !== asked) return false;
        found = given;
        chosen = 0;
        note.textContent = found.length ? "" : input.value.trim() ? "Nothing of this name was read." : EXAMPLES;
        list.replaceChildren(...found.map((answer, at) => option(answer, at)));
        mark();
        return true;
    }

    function option({ text, about }, at) {
        return make(
            "li",
            { role: "option", id: `answer-${at}`, click: () => take(at) },
            make("span", {}, shown(text)),
            make("span", { class: "note" }, shown(about)),
        );
    }

    function mark() {
        [...list.children].forEach((entry, at) => entry.setAttribute("aria-selected", at === chosen));
        if (found.length) input.setAttribute("aria-activedescendant", `answer-${chosen}`);
        else input.removeAttribute("aria-activedescendant");
        list.children[chosen]?.scrollIntoView({ block: "nearest" });
    }

    function take(at) {
        if (!found[at]) return;
        dialog.close();
        say(shown(found[at].text));
        go(found[at].address);
    }

    async function key(event) {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) {
            chosen = Math.max(0, Math.min(found.length - 1, chosen + step));
            mark();
        } else if (event.key !== "Enter") return;
        event.preventDefault();
        event.stopPropagation();
        // What was typed last counts, even if its answers are still looked for.
        if (event.key === "Enter") {
            const at = chosen;
            if ((await fill()) && found.length) take(Math.min(at, found.length - 1));
        }
    }

    return () => {
        if (dialog.open) return;
        input.value = "";
        fill();
        dialog.showModal();
        input.focus();
    };
}
