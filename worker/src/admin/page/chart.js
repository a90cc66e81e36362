// A chart of the last minutes: lines over time, with a legend that tells the newest values, or those under the pointer.

import { LONGEST, SHORTEST } from "./history.js";
import { duration, element, setText, shape } from "./dom.js";

const HEIGHT = 150;
const LEFT = 52;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 20;

/** Points that are further apart are not joined: nobody looked meanwhile. */
const GAP = 7;

export class Chart {
    #figure;
    #title;
    #series;
    #format;
    #scale;
    #image = shape("svg", { role: "img", height: HEIGHT });
    #note = element("span", { class: "quiet" });
    #values = new Map();
    #points = [];
    #now = 0;
    #pointer = null;

    /** `series` are `{ name, label, style, isArea }`; `scale` makes of the largest value and the points a scale. */
    constructor(figure, { title, series, format, scale }) {
        this.#figure = figure;
        this.#title = title;
        this.#series = series;
        this.#format = format;
        this.#scale = scale;
        const legend = element("ul", { class: "legend" });
        for (const { name, label, style } of series) {
            const value = element("b", {}, "–");
            this.#values.set(name, value);
            legend.append(element("li", { class: style }, element("span", {}, label), value));
        }
        figure.append(element("figcaption", {}, element("h2", {}, title), this.#note), legend, this.#image);
        this.#image.addEventListener("pointermove", (event) => this.#point(event.offsetX));
        this.#image.addEventListener("pointerleave", () => this.#point(null));
        new ResizeObserver(() => this.#render()).observe(figure);
    }

    /** Shows these points, oldest first, up to this time. */
    draw(points, now) {
        this.#points = points;
        this.#now = now;
        this.#render();
    }

    #point(x) {
        this.#pointer = x;
        this.#render();
    }

    #render() {
        const width = this.#image.clientWidth || this.#figure.clientWidth;
        if (!width) return;
        this.#image.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
        const plot = { left: LEFT, right: width - RIGHT, top: TOP, bottom: HEIGHT - BOTTOM };
        const values = this.#series.flatMap(({ name }) => this.#points.map((point) => point[name]));
        const scale = this.#scale(values.filter((value) => value != null && value !== Infinity));
        // A chart that begins is not mostly empty.
        const span = Math.min(LONGEST, Math.max(SHORTEST, this.#now - (this.#points[0]?.time ?? this.#now)));
        const x = (time) => plot.right - ((this.#now - time) / span) * (plot.right - plot.left);
        const y = (value) => plot.bottom - scale.share(value) * (plot.bottom - plot.top);
        const parts = [];
        for (const tick of scale.ticks) {
            parts.push(shape("line", { x1: plot.left, x2: plot.right, y1: y(tick), y2: y(tick), class: "grid" }));
            parts.push(label(plot.left - 8, y(tick) + 4, "end", this.#format(tick)));
        }
        parts.push(label(plot.left, HEIGHT - 4, "start", `${duration(span)} ago`));
        parts.push(label(plot.right, HEIGHT - 4, "end", "now"));
        for (const series of this.#series) parts.push(...this.#lines(series, x, y, plot.bottom));
        const shown = this.#shown(x);
        if (shown && this.#pointer != null) {
            const at = x(shown.time);
            parts.push(shape("line", { x1: at, x2: at, y1: plot.top, y2: plot.bottom, class: "pointer" }));
        }
        this.#image.replaceChildren(...parts);
        this.#tell(shown);
    }

    /** The point under the pointer, else the newest. */
    #shown(x) {
        if (this.#pointer == null) return this.#points.at(-1);
        const distance = (point) => Math.abs(x(point.time) - this.#pointer);
        return this.#points.reduce((best, point) => (best && distance(best) <= distance(point) ? best : point), null);
    }

    #tell(shown) {
        for (const [name, node] of this.#values) setText(node, this.#format(shown?.[name]));
        const age = shown ? this.#now - shown.time : 0;
        const isOld = this.#pointer != null && shown && age >= 1;
        setText(this.#note, isOld ? `${duration(age)} ago` : shown ? "" : "collecting…");
        const told = this.#series.map(({ name, label }) => `${label} ${this.#format(shown?.[name])}`);
        this.#image.setAttribute("aria-label", `${this.#title}: ${told.join(", ")}`);
    }

    #lines({ name, style, isArea }, x, y, bottom) {
        const parts = [];
        for (const run of runs(this.#points, name)) {
            const path = run.map((point) => `${x(point.time).toFixed(1)} ${y(point[name]).toFixed(1)}`).join("L");
            const [first, last] = [x(run[0].time).toFixed(1), x(run.at(-1).time).toFixed(1)];
            const area = `M${first} ${bottom}L${path}L${last} ${bottom}Z`;
            if (isArea) parts.push(shape("path", { d: area, class: `area ${style}` }));
            if (run.length > 1) parts.push(shape("path", { d: `M${path}`, class: `line ${style}` }));
            else parts.push(shape("circle", { cx: first, cy: y(run[0][name]), r: 1.5, class: `dot ${style}` }));
        }
        return parts;
    }
}

/** The points with a value, in runs without a gap. */
function runs(points, name) {
    const runs = [];
    let last = null;
    for (const point of points) {
        if (point[name] == null) {
            last = null;
            continue;
        }
        if (!last || point.time - last.time > GAP) runs.push([]);
        runs.at(-1).push(point);
        last = point;
    }
    return runs;
}

function label(x, y, anchor, text) {
    const made = shape("text", { x, y, "text-anchor": anchor });
    made.textContent = text;
    return made;
}

/** From 0 to a round number above all values. */
export function linear(values) {
    const largest = Math.max(4, ...values);
    const unit = 10 ** Math.floor(Math.log10(largest / 2));
    const step = [1, 2, 5, 10].map((factor) => factor * unit).find((each) => largest / each <= 4);
    const top = Math.ceil(largest / step) * step;
    const ticks = [];
    for (let tick = 0; tick <= top + step / 2; tick += step) ticks.push(tick);
    return { ticks, share: (value) => value / top };
}

/** Powers of ten around all values: durations differ by factors. */
export function logarithmic(values) {
    const powers = values.map((value) => Math.log10(Math.max(value, 1e-6)));
    const low = Math.floor(Math.min(-4, ...powers) + 1e-9);
    const high = Math.ceil(Math.max(-3, ...powers) - 1e-9);
    const ticks = [];
    for (let power = low; power <= high; power += 1) ticks.push(10 ** power);
    const share = (value) => {
        const power = value === Infinity ? high : Math.log10(Math.max(value, 1e-6));
        return Math.min(1, Math.max(0, (power - low) / (high - low)));
    };
    return { ticks, share };
}
