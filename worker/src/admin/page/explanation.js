// The way to a flag, as a tree: the feature states that could have decided it, strongest first, and for each what its
// segment or its split came to. `docs/explain.md` describes what is told.

import { element, setClass } from "./dom.js";

const ORIGINS = {
    identity_override: "Identity override",
    segment_override: "Segment override",
    environment_default: "Environment default",
};

const OUTCOMES = {
    chosen: ["good", "decides"],
    beaten: ["quiet", "beaten"],
    no_match: ["quiet", "does not match"],
    cut: ["warn", "cut: it reads a flag that depends on it"],
};

const HIDDEN = {
    server_key_only: "Hidden from client-side keys: the feature is for server-side keys only.",
    disabled: "Hidden from this key: the flag is disabled, and disabled flags are hidden.",
};

/** The line of a flag: on or off, its name, its value, and where that comes from. */
export function fillFlag(summary, { feature, flag, summary: why, hidden }) {
    setClass(summary, hidden.length ? "hidden-flag" : "");
    const tags = hidden.length ? [element("span", { class: "tag" }, "hidden")] : [];
    summary.replaceChildren(
        element("span", { class: `switch ${flag.enabled ? "on" : "off"}` }, flag.enabled ? "on" : "off"),
        element("span", { class: "feature" }, feature),
        valueOf(flag),
        ...tags,
        element("span", { class: "quiet why" }, why),
    );
}

/** What is unfolded below that line. */
export function explanation({ candidates, hidden, depends_on: dependsOn, cycle }, answer) {
    const node = element("div", { class: "explanation" });
    for (const reason of hidden) node.append(element("p", { class: "warn" }, HIDDEN[reason] ?? reason));
    const list = element("ol", { class: "candidates" });
    for (const each of candidates) list.append(candidate(each, answer.segments));
    node.append(list);
    if (dependsOn.length) node.append(element("p", {}, "Depends on ", ...names(dependsOn)));
    if (cycle.length) {
        const why = "Part of a cycle of flags, in which each is null to conditions: ";
        node.append(element("p", { class: "warn" }, why, ...names(cycle)));
    }
    return node;
}

function candidate({ origin, outcome, segment: index, priority, flag, split }, segments) {
    const segment = index == null ? null : segments[index];
    const [kind, told] = OUTCOMES[outcome] ?? ["quiet", outcome];
    const head = element(
        "p",
        {},
        element("b", {}, ORIGINS[origin] ?? origin),
        segment && element("span", {}, " ", element("code", {}, segment.name)),
        priority != null && element("span", { class: "quiet" }, ` priority ${text(priority)}`),
        element("span", { class: `outcome ${kind}` }, told),
        flag && valueOf(flag),
    );
    return element("li", { class: outcome }, head, split && splitOf(split), segment && segmentOf(segment));
}

function segmentOf({ rules, problem }) {
    const list = element("ul", { class: "rules" });
    for (const rule of rules) list.append(ruleOf(rule));
    return element("div", {}, problem && element("p", { class: "warn" }, problem), list);
}

const KINDS = { ALL: "All of these", ANY: "Any of these", NONE: "None of these" };

/** A rule that only wraps another one is shown as that one. */
function ruleOf({ type, matches, conditions, rules }) {
    if (!conditions.length && rules.length === 1 && type !== "NONE") return ruleOf(rules[0]);
    const list = element("ul", { class: "rules" });
    for (const condition of conditions) list.append(conditionOf(condition));
    for (const rule of rules) list.append(ruleOf(rule));
    return element("li", {}, element("span", {}, mark(matches), ` ${KINDS[type] ?? type}`), list);
}

function conditionOf({ property, operator, operand, value, holds, bucket, problem }) {
    const line = element(
        "span",
        {},
        mark(holds),
        " ",
        element("code", {}, property),
        ` ${operator.toLowerCase().replaceAll("_", " ")} `,
        operand != null && element("code", {}, text(operand)),
        element("span", { class: "quiet" }, bucket == null ? `: it is ${shown(value)}` : `: bucket ${round(bucket)}`),
    );
    return element("li", {}, line, problem && element("p", { class: "warn" }, problem));
}

/** A split as a bar from 0 to 100, with the bucket on it. */
function splitOf({ hash_key: hashKey, bucket, allocations }) {
    const bar = element("div", { class: "split", "aria-hidden": "true" });
    for (const { from, to, chosen } of allocations) {
        if (from == null || to == null) continue;
        const part = element("span", { class: chosen ? "chosen" : "" });
        part.style.left = `${from}%`;
        part.style.width = `${Math.max(0, Math.min(100, to) - from)}%`;
        bar.append(part);
    }
    const pin = element("i");
    pin.style.left = `${bucket}%`;
    bar.append(pin);
    const list = element("ul", { class: "rules" });
    for (const { from, to, chosen, flag } of allocations) {
        const range = from == null ? "all other buckets" : `buckets from ${round(from)} to ${round(to)}`;
        list.append(element("li", {}, mark(chosen), ` ${range} `, valueOf(flag)));
    }
    const told = element("p", {}, `Bucket ${round(bucket)} of 100, from the hash of `, element("code", {}, hashKey));
    return element("div", {}, told, bar, list);
}

function mark(holds) {
    return element("span", { class: `mark ${holds ? "good" : "quiet"}` }, holds ? "✓ yes" : "✗ no");
}

function valueOf(flag) {
    const value = flag.feature_state_value;
    if (value == null || value === "") {
        return element("span", { class: "value quiet" }, value === "" ? "empty" : "no value");
    }
    return element("code", { class: "value" }, text(value));
}

function names(features) {
    return features.flatMap((feature, index) => [index ? ", " : "", element("code", {}, feature)]);
}

const round = (number) => Number(number.toFixed(3));
const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const shown = (value) => (value == null ? "not set" : text(value));
