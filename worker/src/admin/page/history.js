// The answers of the last minutes, and what follows from two of them: rates and percentiles. Totals only grow while the
// proxy runs; after a restart all begins anew.

/** How long a chart is at the beginning, and how long the history gets, in seconds. */
export const SHORTEST = 60;
export const LONGEST = 300;

/** Answers that follow each other faster, while somebody types a search, make no rate. */
const SHORTEST_STEP = 1;

/** Percentiles are of the requests of so many seconds: those of a single step jump. */
const WINDOW = 10;

/** What no client of the proxy asks for. */
const NOT_COUNTED = ["health"];

export class History {
    #samples = [];
    #points = [];

    /** Takes an answer in. Returns what follows from it; `null` for the first one. */
    add(status) {
        const last = this.#samples.at(-1);
        if (last && last.started !== status.started) {
            this.#samples = [];
            this.#points = [];
        } else if (last && status.time < last.time + SHORTEST_STEP) {
            return this.#points.at(-1) ?? null;
        }
        this.#samples.push(sampleOf(status));
        while (this.#samples[0].time < status.time - LONGEST) this.#samples.shift();
        while (this.#points.length && this.#points[0].time < status.time - LONGEST) this.#points.shift();
        const before = this.#samples.at(-2);
        if (!before) return null;
        const now = this.#samples.at(-1);
        const windowStart = this.#samples.find((sample) => sample.time >= now.time - WINDOW - 0.5);
        const point = pointOf(before, now, windowStart === now ? before : windowStart);
        this.#points.push(point);
        return point;
    }

    /** Oldest first. */
    get points() {
        return this.#points;
    }
}

function sampleOf({ time, started, requests, workers, fetches }) {
    const endpoints = new Map(requests.endpoints.map((each) => [each.endpoint, each]));
    const slots = new Map(workers.map((worker) => [worker.slot, worker.requests]));
    return { time, started, bounds: requests.duration_bounds_seconds, endpoints, slots, fetches };
}

/** What happened between two samples. */
function pointOf(before, now, windowStart) {
    const seconds = now.time - before.time;
    const endpoints = new Map();
    const all = { rate: 0, refused: 0, failed: 0 };
    const durations = new Array(now.bounds.length + 1).fill(0);
    for (const [name, totals] of now.endpoints) {
        const grown = growth(before.endpoints.get(name), totals, seconds);
        const own = differences(windowStart.endpoints.get(name), totals);
        const [p50, p99] = [0.5, 0.99].map((share) => percentile(now.bounds, own, share));
        endpoints.set(name, { ...grown, p50, p99 });
        if (NOT_COUNTED.includes(name)) continue;
        for (const member of Object.keys(all)) all[member] += grown[member];
        own.forEach((value, bucket) => (durations[bucket] += value));
    }
    const slots = new Map();
    for (const [slot, requests] of now.slots) {
        slots.set(slot, Math.max(0, requests - (before.slots.get(slot) ?? requests)) / seconds);
    }
    return {
        time: now.time,
        ...all,
        p50: percentile(now.bounds, durations, 0.5),
        p95: percentile(now.bounds, durations, 0.95),
        p99: percentile(now.bounds, durations, 0.99),
        endpoints,
        slots,
    };
}

function growth(before, now, seconds) {
    const of = (status) => Math.max(0, now.statuses[status] - (before?.statuses[status] ?? 0)) / seconds;
    const refused = of("4xx");
    const failed = of("5xx");
    return { rate: of("2xx") + of("3xx") + refused + failed, refused, failed };
}

/** How many durations each bucket got. */
function differences(before, now) {
    return now.durations.map((value, bucket) => Math.max(0, value - (before?.durations[bucket] ?? 0)));
}

/**
 * The duration that this share of the requests did not exceed, by even distribution within a bucket; `null` for none.
 * `counts` has the number of those that are within each bound, then all.
 */
export function percentile(bounds, counts, share) {
    const all = counts.at(-1);
    if (!all) return null;
    const wanted = share * all;
    const bucket = counts.findIndex((value) => value >= wanted);
    if (bucket >= bounds.length) return Infinity;
    const [below, low] = bucket === 0 ? [0, 0] : [counts[bucket - 1], bounds[bucket - 1]];
    const within = counts[bucket] - below;
    return low + ((bounds[bucket] - low) * (wanted - below)) / within;
}
