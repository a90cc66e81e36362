// The page: asks for the status every two seconds, and shows it. Nothing is asked of any other host.

import { Chart, linear, logarithmic } from "./chart.js";
import { byId, count, counted, duration, latency, rate, setClass, setText } from "./dom.js";
import { History } from "./history.js";
import { Playground } from "./playground.js";
import { endpointTable, environmentTable, processTable, showFacts } from "./tables.js";

/** How often the status is asked for, in milliseconds. */
const INTERVAL = 2000;

/** Where the token is kept: in this tab, until it is closed. */
const TOKEN = "edge-proxy-token";

/** What every server-side key starts with. */
const SERVER_SIDE = "ser.";

/** The token is missing or wrong. */
class TokenNeeded extends Error {}

/** Asks this listener. Paths are relative, so the page may also be behind a prefix. */
async function ask(path, { body, signal } = {}) {
    const headers = new Headers();
    const token = sessionStorage.getItem(TOKEN);
    // A header holds bytes, and the token is compared as UTF-8.
    if (token) headers.set("Authorization", `Bearer ${String.fromCharCode(...new TextEncoder().encode(token))}`);
    if (body) headers.set("Content-Type", "application/json");
    const method = body ? "POST" : "GET";
    const content = body && JSON.stringify(body);
    const timeout = AbortSignal.timeout(10_000);
    const response = await fetch(path, {
        method,
        headers,
        body: content,
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.status === 401) throw new TokenNeeded();
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.detail ?? answer.message ?? `status ${response.status}`);
    return answer;
}

class Page {
    #history = new History();
    #rates = new Chart(byId("rate-chart"), {
        title: "Requests per second",
        series: [
            { name: "rate", label: "all", style: "one", isArea: true },
            { name: "refused", label: "4xx", style: "warn" },
            { name: "failed", label: "5xx", style: "bad" },
        ],
        format: rate,
        scale: linear,
    });
    #latencies = new Chart(byId("latency-chart"), {
        title: "Time to answer",
        series: [
            { name: "p99", label: "99 %", style: "three" },
            { name: "p95", label: "95 %", style: "two" },
            { name: "p50", label: "median", style: "one" },
        ],
        format: latency,
        scale: logarithmic,
    });
    #playground = new Playground(ask);
    #environments = environmentTable((id) => this.#playground.choose(id));
    #endpoints = endpointTable();
    #processes = processTable();
    #search = "";
    #timer = null;
    #answeredAt = null;
    #asking = null;

    start() {
        byId("token-form").addEventListener("submit", (event) => this.#takeToken(event));
        byId("forget").addEventListener("click", () => this.#forget());
        byId("search").addEventListener("input", () => this.#searchFor(byId("search").value.trim()));
        // A tab that nobody sees asks nothing. When it is seen again, it is up to date at once.
        document.addEventListener("visibilitychange", () => !document.hidden && this.#poll());
        setInterval(() => this.#tellAge(), 1000);
        this.#poll();
    }

    /** Asks now, and then again and again. */
    async #poll() {
        clearTimeout(this.#timer);
        this.#asking?.abort();
        const asking = new AbortController();
        this.#asking = asking;
        const path = this.#search ? `status?search=${encodeURIComponent(this.#search)}` : "status";
        const answer = await ask(path, { signal: asking.signal }).catch((error) => error);
        // Another one was asked for meanwhile, and its own turn follows.
        if (asking.signal.aborted) return;
        if (answer instanceof TokenNeeded) return this.#askForToken();
        if (!document.hidden) this.#timer = setTimeout(() => this.#poll(), INTERVAL);
        if (answer instanceof Error) this.#lose(answer);
        else this.#show(answer);
    }

    #show(status) {
        this.#answeredAt = Date.now();
        byId("trouble").hidden = true;
        byId("token-form").hidden = true;
        byId("content").hidden = false;
        this.#offerLinks(sessionStorage.getItem(TOKEN) !== null);
        const { environments, workers } = status;
        const uptime = status.started === null ? null : status.time - status.started;
        setText(byId("build"), `${status.version} · up ${duration(uptime)}`);
        this.#showState(status.state, environments);
        const newest = this.#history.add(status);
        this.#rates.draw(this.#history.points, status.time);
        this.#latencies.draw(this.#history.points, status.time);
        showFacts(status);
        this.#showEnvironments(environments);
        this.#endpoints.update(status.requests.endpoints.map((it) => [it, newest?.endpoints.get(it.endpoint)]));
        const supervisor = { state: status.state === "draining" ? "draining" : "running", uptime_seconds: uptime };
        this.#processes.update([
            ...workers.map((worker) => [worker, newest?.slots.get(worker.slot)]),
            [{ ...supervisor, memory: status.supervisor.memory }],
        ]);
        this.#playground.follow(environments.listed);
        this.#tellAge();
    }

    #showState(state, { missing, stale, failing }) {
        const parts = [];
        if (missing) parts.push(`${count(missing)} missing`);
        if (stale) parts.push(`${count(stale)} stale`);
        if (failing) parts.push(`${count(failing)} failing`);
        const word = state[0].toUpperCase() + state.slice(1);
        const kind = state !== "ready" ? "bad" : parts.length ? "warn" : "good";
        setClass(byId("state"), `state ${kind}`);
        setText(byId("state").firstElementChild, [word, ...parts].join(" · "));
        document.title = state === "ready" ? "Edge Proxy" : `${word} · Edge Proxy`;
    }

    #showEnvironments({ count: all, found, listed, names_are_searched: names }) {
        this.#environments.update(listed);
        const hasRealtime = listed.some((it) => it.realtime_connected !== null);
        byId("environments").classList.toggle("polled", !hasRealtime);
        byId("search").placeholder = names ? "Filter by name or key" : "Filter by key";
        const total = counted(all, "environment");
        setText(byId("environments-summary"), this.#search ? `${count(found)} of ${total}` : total);
        const left = found - listed.length;
        const more = left ? `${count(left)} more. Those that need attention come first; filter to see others.` : "";
        setText(byId("environments-more"), found ? more : this.#search ? "None has that in its name or key." : "");
    }

    #searchFor(text) {
        // A search is part of a URL, where no secret belongs.
        const isSecret = text.toLowerCase().startsWith(SERVER_SIDE);
        setText(byId("search-error"), isSecret ? "That is a server-side key: search for the client-side key." : "");
        if (isSecret || text === this.#search) return;
        this.#search = text;
        this.#poll();
    }

    #lose(error) {
        this.#tellAge();
        const reason = error instanceof TypeError || error.name === "TimeoutError" ? "no answer" : error.message;
        const shown = this.#answeredAt === null ? "" : " What is shown is from the last answer.";
        setText(byId("trouble"), `The proxy cannot be asked: ${reason}.${shown}`);
        byId("trouble").hidden = false;
        setClass(byId("state"), "state bad");
        setText(byId("state").firstElementChild, "Unreachable");
        document.title = "Unreachable · Edge Proxy";
    }

    #tellAge() {
        const age = this.#answeredAt === null ? null : (Date.now() - this.#answeredAt) / 1000;
        setText(byId("updated"), age === null ? "" : age < 4 ? "Live, every 2 s" : `Last answer ${duration(age)} ago`);
    }

    #askForToken() {
        const isWrong = sessionStorage.getItem(TOKEN) !== null;
        sessionStorage.removeItem(TOKEN);
        setText(byId("token-error"), isWrong ? "That is not the token." : "");
        byId("token-form").hidden = false;
        byId("content").hidden = true;
        this.#offerLinks(true);
        byId("forget").hidden = true;
        setClass(byId("state"), "state warn");
        setText(byId("state").firstElementChild, "Locked");
        byId("token").focus();
    }

    /** A link carries no token. */
    #offerLinks(hasToken) {
        byId("forget").hidden = !hasToken;
        for (const link of document.querySelectorAll("footer a")) link.hidden = hasToken;
    }

    #takeToken(event) {
        event.preventDefault();
        sessionStorage.setItem(TOKEN, byId("token").value.trim());
        byId("token").value = "";
        this.#poll();
    }

    #forget() {
        sessionStorage.removeItem(TOKEN);
        location.reload();
    }
}

new Page().start();
