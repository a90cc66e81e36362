// Small helpers to build and update what is on the page. Text is always set as text, never as HTML.

/** An element with attributes and children. An attribute of `false`, `null` or `undefined` is left out. */
export function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
        if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
        else if (value === true) made.setAttribute(attribute, "");
        else if (value !== false && value != null) made.setAttribute(attribute, value);
    }
    made.append(...children.filter((child) => child != null && child !== false));
    return made;
}

/** An element of an SVG image. */
export function shape(name, attributes = {}) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
}

export const byId = (id) => document.getElementById(id);

/** Sets the text, if it is another one: a reader's selection stays. */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

export function setClass(node, name) {
    if (node.className !== name) node.className = name;
}

/**
 * Makes the children of `parent` those of `items`, in their order. A child stays for as long as there is an item with
 * its key, so focus and selection stay with it.
 */
export function keep(parent, items, keyOf, make, update) {
    const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
    let next = parent.firstElementChild;
    for (const item of items) {
        const key = String(keyOf(item));
        let child = before.get(key);
        before.delete(key);
        if (!child) {
            child = make(item);
            child.dataset.key = key;
        }
        update(child, item);
        if (child === next) next = next.nextElementSibling;
        else parent.insertBefore(child, next);
    }
    for (const gone of before.values()) gone.remove();
}

// Numbers and times in words that have the same width whenever they can.

export function count(value) {
    return Math.round(value).toLocaleString("en");
}

export function counted(value, noun) {
    return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A number of things in a second. */
export function rate(value) {
    if (value == null) return "–";
    return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : count(value);
}

export function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit += 1;
    }
    return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A duration of a request. */
export function latency(seconds) {
    if (seconds == null) return "–";
    if (seconds === Infinity) return "> 1 s";
    if (seconds >= 1) return `${seconds.toFixed(1)} s`;
    if (seconds >= 0.001) return `${short(seconds * 1e3)} ms`;
    return `${short(seconds * 1e6)} µs`;
}

const short = (value) => (value >= 10 ? Math.round(value) : Number(value.toFixed(1)));

/** A time for people: its largest unit, and the next one where it matters. */
export function duration(seconds) {
    if (seconds == null) return "never";
    const whole = Math.floor(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
    return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** A time that has passed, in its largest unit. */
export function ago(seconds) {
    return seconds == null ? "never" : `${duration(seconds).split(" ", 2).join(" ")} ago`;
}
