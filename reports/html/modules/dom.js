// Elements and texts. Names come from clusters: they only ever become text.

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/u;
const EACH_INVISIBLE = new RegExp(INVISIBLE.source, "gu");

// Return the text with every invisible character written as an escape: different names look different.
export function shown(text) {
    return INVISIBLE.test(text) ? text.replace(EACH_INVISIBLE, spelled) : text;
}

function spelled(letter) {
    const code = letter.codePointAt(0);
    const hex = code.toString(16);
    if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

// Make an element. Attributes that are functions are event listeners; false and null ones are omitted.
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") element.addEventListener(name, value);
        else if (value !== false && value !== null && value !== undefined)
            element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

export function find(selector) {
    return document.querySelector(selector);
}

const NUMBER = new Intl.NumberFormat("en-US");

export function counted(number, singular, plural = `${singular}s`) {
    return `${NUMBER.format(number)} ${number === 1 ? singular : plural}`;
}

export function formatted(number) {
    return NUMBER.format(number);
}

// Announce a text to screen readers.
export function say(text) {
    find("#announced").textContent = text;
}
