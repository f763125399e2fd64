// Texts to copy or save, in a dialog over the page.
import { find, make, say, shown } from "./dom.js";
import { download } from "./csv.js";

// Show named texts ([file name, text] each), each with buttons that copy and save it.
export function showTexts(title, texts) {
    const dialog = find("#texts");
    const close = make("button", { type: "button", click: () => dialog.close() }, "Close");
    const parts = texts.map(([name, text]) => {
        const copy = make("button", { type: "button", click: () => copied(text) }, "Copy");
        const save = make("button", { type: "button", click: () => download(fileName(name), text) }, "Save");
        return [
            make("h3", {}, shown(name)),
            make("p", {}, copy, " ", save),
            make("pre", { tabindex: "0" }, text.split("\n").map(shown).join("\n")),
        ];
    });
    dialog.replaceChildren(make("h2", { id: "texts-title" }, title), ...parts.flat(), close);
    dialog.showModal();
}

function copied(text) {
    navigator.clipboard.writeText(text).then(() => say("Copied"));
}

// A zone may be called anything, a file not.
function fileName(name) {
    return name.replace(/[^\w.-]/g, "_");
}
