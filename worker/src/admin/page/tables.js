// The tables of the page, and the line of facts. A row stays while what it tells of stays; only texts change.

import { ago, byId, bytes, count, counted, duration, element, keep, latency, rate, setClass, setText } from "./dom.js";

/** A table whose columns are `{ title, style, fill(cell, item) }`. */
class Table {
    #body = element("tbody", { role: "rowgroup" });
    #columns;
    #keyOf;

    constructor(table, columns, keyOf) {
        this.#columns = columns;
        this.#keyOf = keyOf;
        table.setAttribute("role", "table");
        const titles = columns.map(({ title, style }) =>
            element("th", { role: "columnheader", scope: "col", class: style }, title),
        );
        const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...titles));
        table.replaceChildren(head, this.#body);
    }

    update(items) {
        keep(this.#body, items, this.#keyOf, () => this.#row(), (row, item) => this.#fill(row, item));
    }

    #row() {
        const cells = this.#columns.map(({ title, style }) =>
            element("td", { role: "cell", class: style, "data-label": title }),
        );
        return element("tr", { role: "row" }, ...cells);
    }

    #fill(row, item) {
        this.#columns.forEach(({ fill }, column) => {
            const told = fill(row.cells[column], item, row);
            if (told !== undefined) setText(row.cells[column], told);
        });
    }
}

// What a state of an environment or a worker means for who looks.
const GOOD = ["current", "ready", "running"];
const BAD = ["missing", "exited"];

/** A state in a word and a colour. */
export function fillState(node, word, isTroubled = false) {
    const kind = BAD.includes(word) ? "bad" : GOOD.includes(word) && !isTroubled ? "good" : "warn";
    if (!node.firstElementChild) node.append(element("span"));
    setClass(node.firstElementChild, `state ${kind}`);
    setText(node.firstElementChild, word);
}

/** The table of environments. `choose` is called with the id of one that is to be tried. */
export function environmentTable(choose) {
    const columns = [
        { title: "Environment", style: "name", fill: (cell, it) => fillName(cell, it, choose) },
        { title: "State", fill: (cell, it) => fillState(cell, it.state, it.failure !== null) },
        { title: "Realtime", style: "realtime", fill: fillRealtime },
        { title: "Generation", style: "number", fill: fillGeneration },
        { title: "Fetched", style: "number", fill: (_, it) => ago(it.fetched_seconds_ago) },
        { title: "Document", style: "number", fill: (_, it) => (it.document ? bytes(it.document.bytes) : "–") },
        { title: "Features", style: "number", fill: (cell, it) => fillFeatures(cell, it) },
        { title: "Last failure", style: "wide", fill: (cell, it) => fillFailure(cell, it) },
    ];
    return new Table(byId("environments"), columns, (it) => it.id);
}

/** The name in a button that leads to the playground, and the key. */
function fillName(cell, it, choose) {
    if (!cell.firstElementChild) {
        const button = element("button", { type: "button", class: "link", onclick: () => choose(it.id) });
        cell.append(element("div", {}, button, element("code")));
    }
    const [button, key] = cell.firstElementChild.children;
    const name = it.document?.name ?? "no name yet";
    setText(button, name);
    button.disabled = !it.document;
    const title = it.document ? `Try ${name} in the playground` : "It has no document";
    if (button.title !== title) button.title = title;
    setText(key, it.key);
}

/** Whether upstream tells of edits. Where it never does, the column is not there. */
function fillRealtime(cell, { realtime_connected: isConnected }) {
    setClass(cell, isConnected === false ? "realtime warn" : "realtime");
    return { true: "connected", false: "not connected" }[isConnected] ?? "–";
}

/** The generation. A row whose generation changed while the page is open lights up for a moment. */
function fillGeneration(cell, it, row) {
    const told = it.generation ? count(it.generation) : "none";
    if (cell.textContent && cell.textContent !== told) {
        row.classList.remove("changed");
        requestAnimationFrame(() => row.classList.add("changed"));
    }
    return told;
}

function fillFeatures(cell, { document }) {
    const title = document
        ? `${counted(document.segments, "segment")}, ${counted(document.identity_overrides, "identity override")}, ` +
            counted(document.warnings, "warning")
        : "";
    if (cell.title !== title) cell.title = title;
    const warnings = document?.warnings ? ` · ${counted(document.warnings, "warning")}` : "";
    return document ? count(document.features) + warnings : "–";
}

function fillFailure(cell, it) {
    setClass(cell, it.failure === null ? "wide quiet" : "wide bad");
    return it.failure === null ? "none" : `${it.failure}, for ${duration(it.failing_for_seconds)}`;
}

/** The table of requests by endpoint. Its items are `[totals, rates]`. */
export function endpointTable() {
    const sum = ({ statuses }) => Object.values(statuses).reduce((all, each) => all + each, 0);
    const columns = [
        { title: "Endpoint", style: "name", fill: (_, [it]) => it.endpoint.replace("environment-", "") },
        { title: "Per second", style: "number", fill: (_, [, rates]) => rate(rates?.rate) },
        { title: "Median", style: "number", fill: (_, [, rates]) => latency(rates?.p50) },
        { title: "99 %", style: "number", fill: (_, [, rates]) => latency(rates?.p99) },
        { title: "In all", style: "number", fill: (_, [it]) => count(sum(it)) },
        { title: "4xx", style: "number", fill: (_, [it]) => count(it.statuses["4xx"]) },
        { title: "5xx", style: "number", fill: (_, [it]) => count(it.statuses["5xx"]) },
    ];
    return new Table(byId("endpoints"), columns, ([it]) => it.endpoint);
}

/** The table of processes. Its items are `[worker, requests per second]`, and the supervisor without a slot. */
export function processTable() {
    const ofWorker = (told) => (_, [it, perSecond]) => (it.slot === undefined ? "" : told(it, perSecond));
    const columns = [
        { title: "Process", style: "name", fill: (_, [it]) => nameOf(it) },
        { title: "State", fill: (cell, [it]) => fillState(cell, it.state) },
        { title: "Uptime", style: "number", fill: (_, [it]) => duration(it.uptime_seconds) },
        { title: "Per second", style: "number", fill: ofWorker((_, perSecond) => rate(perSecond)) },
        { title: "Connections", style: "number", fill: ofWorker((it) => count(it.open_connections)) },
        { title: "Streams", style: "number", fill: ofWorker((it) => count(it.open_streams)) },
        { title: "Memory", style: "number", fill: (cell, [it]) => fillMemory(cell, it.memory) },
        { title: "Restarts", style: "number", fill: ofWorker((it) => count(it.restarts)) },
    ];
    return new Table(byId("workers"), columns, ([it]) => it.slot ?? "supervisor");
}

function nameOf({ slot }) {
    return slot === undefined ? "supervisor" : `worker ${slot}`;
}

/** Private memory. That of mapped files is shared. */
function fillMemory(cell, memory) {
    const title = `and ${bytes(memory.mapped_bytes)} of mapped files, which processes share`;
    if (cell.title !== title) cell.title = title;
    return memory.private_bytes ? bytes(memory.private_bytes) : "–";
}

/** The line of facts: `[name, text, whether it is bad]`. */
export function showFacts(status) {
    const { workers, fetches, journal, configuration } = status;
    const sum = (member) => workers.reduce((all, worker) => all + member(worker), 0);
    const ready = workers.filter((worker) => worker.state === "ready").length;
    const memory = sum((it) => it.memory.private_bytes) + status.supervisor.memory.private_bytes;
    const fetched = fetches.changed + fetches.unchanged + fetches.failed;
    const dropped = journal.dropped ? ` · ${count(journal.dropped)} dropped` : "";
    const config = configuration.last_reload_applied
        ? `read ${ago(configuration.read_seconds_ago)}`
        : "last reload refused";
    const facts = [
        ["Workers ready", `${ready} of ${workers.length}`, ready < workers.length],
        ["Open connections", count(sum((it) => it.open_connections))],
        ["Open streams", count(sum((it) => it.open_streams))],
        ["Private memory", bytes(memory)],
        ["Fetches", `${count(fetched)} · ${count(fetches.failed)} failed`],
        ["Reports waiting", bytes(journal.waiting_bytes) + dropped, journal.dropped > 0],
        ["Configuration", config, !configuration.last_reload_applied],
    ];
    const make = ([name]) => element("div", {}, element("dt", {}, name), element("dd"));
    keep(byId("facts"), facts, ([name]) => name, make, (node, [, text, isBad]) => {
        setText(node.lastElementChild, text);
        setClass(node.lastElementChild, isBad ? "bad" : "");
    });
}
