// The playground: an identity goes in, and its flags come out, each with the way to it (POST /evaluate).

import { byId, counted, element, keep, setText } from "./dom.js";
import { explanation, fillFlag } from "./explanation.js";

/** How long to wait for the next key stroke, in milliseconds. */
const PAUSE = 200;

export class Playground {
    #ask;
    #form = byId("playground-form");
    #select = byId("environment");
    #known = new Map();
    #evaluated = null;
    #timer = null;
    #asking = null;

    /** `ask` asks this listener. */
    constructor(ask) {
        this.#ask = ask;
        this.#form.addEventListener("submit", (event) => event.preventDefault());
        this.#form.addEventListener("input", () => this.#soon());
        byId("add-trait").addEventListener("click", () => this.#addTrait().querySelector("input").focus());
        this.#addTrait();
    }

    /** Goes to the playground with this environment. */
    choose(id) {
        this.#select.value = String(id);
        byId("playground-title").scrollIntoView({ block: "start" });
        byId("identifier").focus({ preventScroll: true });
        this.#evaluate();
    }

    /** Offers the environments that are listed, and evaluates again when the chosen one has another document. */
    follow(listed) {
        for (const { id, key, generation, document } of listed) {
            if (document) this.#known.set(String(id), { name: `${document.name ?? "no name"} (${key})`, generation });
            else this.#known.delete(String(id));
        }
        const offered = [...this.#known].sort(([a], [b]) => a - b);
        const make = ([id]) => element("option", { value: id });
        keep(this.#select, offered, ([id]) => id, make, (option, [, { name }]) => setText(option, name));
        const chosen = this.#select.value;
        const generation = this.#known.get(chosen)?.generation;
        if (chosen && this.#evaluated !== `${chosen} ${generation}`) this.#evaluate();
    }

    #soon() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#evaluate(), PAUSE);
    }

    async #evaluate() {
        clearTimeout(this.#timer);
        this.#asking?.abort();
        const asking = new AbortController();
        this.#asking = asking;
        const chosen = this.#select.value;
        if (!chosen) return;
        this.#evaluated = `${chosen} ${this.#known.get(chosen)?.generation}`;
        try {
            this.#show(await this.#ask("evaluate", { body: this.#request(), signal: asking.signal }));
        } catch (error) {
            if (asking.signal.aborted) return;
            // It is asked again with the next look.
            this.#evaluated = null;
            const reason = `Cannot evaluate: ${error.message || "no answer"}`;
            byId("flags").replaceChildren(element("p", { class: "bad" }, reason));
        }
    }

    #request() {
        const request = { environment: Number(this.#select.value), side: this.#form.elements.side.value };
        const identifier = byId("identifier").value;
        const traits = {};
        for (const row of byId("traits").children) {
            const [key, value] = row.querySelectorAll("input");
            if (key.value) traits[key.value] = scalar(value.value);
        }
        if (identifier) request.identifier = identifier;
        if (Object.keys(traits).length) request.traits = traits;
        return request;
    }

    #show(answer) {
        const flags = byId("flags");
        let list = flags.querySelector("ul");
        if (!list) {
            list = element("ul", { class: "flags" });
            flags.replaceChildren(element("p", { class: "quiet", role: "status" }), list);
        }
        const shown = answer.flags.filter((flag) => !flag.hidden.length);
        const parts = [counted(shown.length, "flag")];
        const hidden = answer.flags.length - shown.length;
        if (hidden) parts.push(`${hidden} hidden from this key`);
        if (answer.identity?.traits_ignored) parts.push("traits of client-side keys do not count here");
        parts.push(whose(answer.identity));
        setText(flags.firstElementChild, parts.join(" · "));
        // What was unfolded stays so, and is filled anew.
        keep(list, answer.flags, (it) => it.feature, makeFlag, (item, flag) => {
            const details = item.firstElementChild;
            fillFlag(details.firstElementChild, flag);
            details.replaceChildren(details.firstElementChild, explanation(flag, answer));
        });
    }

    #addTrait() {
        const remove = () => {
            row.remove();
            this.#soon();
        };
        const row = element(
            "div",
            { class: "line" },
            field("Trait", "plan"),
            field("Value", "premium"),
            element("button", { type: "button", "aria-label": "Remove this trait", onclick: remove }, "×"),
        );
        byId("traits").append(row);
        return row;
    }
}

function field(label, example) {
    return element("input", { "aria-label": label, placeholder: example, autocomplete: "off", spellcheck: "false" });
}

function makeFlag() {
    return element("li", {}, element("details", {}, element("summary")));
}

function whose(identity) {
    if (!identity) return "without an identity";
    return identity.identifier ? `for ${identity.identifier}` : "for an identity without an identifier";
}

/** What was typed as JSON, if it is a number, true, false or null; else as text. */
function scalar(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === "object" && value !== null ? text : value;
    } catch {
        return text;
    }
}
