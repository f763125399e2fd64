// Elements and texts. Names come from clusters: they only ever become text.

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/u;
const EACH_INVISIBLE = new RegExp(INVISIBLE.source, "gu");

// Return the text with every character spelled out that does not show: two names that differ look different.
export function shown(text) {
    return INVISIBLE.test(text) ? text.replace(EACH_INVISIBLE, spelled) : text;
}

function spelled(letter) {
    const code = letter.codePointAt(0);
    const hex = code.toString(16);
    if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

// Make an element. Attributes that are functions listen to the event of their name; false and null ones are left out.
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

export function counted(number, one, more = `${one}s`) {
    return `${NUMBER.format(number)} ${number === 1 ? one : more}`;
}

export function grouped(number) {
    return NUMBER.format(number);
}

// Say something to those who hear the page.
export function say(text) {
    find("#said").textContent = text;
}
