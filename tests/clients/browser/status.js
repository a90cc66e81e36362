// Opens the status page, whose address is the argument, as an operator would, and prints what it shows. The test that
// started this edits the banner's text when it reads `before the edit`.

const { run } = require("../node/checks.js");
const { open } = require("./chromium.js");

const [, , url] = process.argv;

/** What the row of an environment says first. */
async function environments(page) {
    await page.locator("#environments tbody tr").first().waitFor();
    const rows = await page.locator("#environments tbody tr").all();
    const words = text => text.replace(/\s+/g, " ");
    return Promise.all(rows.map(async row => (await row.locator("td").allInnerTexts()).slice(0, 2).map(words)));
}

/** The line of a flag in the playground. */
function flag(page, feature) {
    const name = page.locator(`.feature:text-is("${feature}")`);
    return page.locator("#flags summary", { has: name });
}

function value(page, feature) {
    return flag(page, feature).locator(".value").innerText();
}

async function valueAfterTheEdit(page) {
    await flag(page, "banner_text").filter({ hasText: "edited" }).waitFor();
    const row = page.locator("#environments tr", { hasText: "Production" });
    const generation = await row.locator("td").nth(3).innerText();
    return [await value(page, "banner_text"), Number(generation) > 3];
}

/** Types an identity, and unfolds why one of its flags is what it is. */
async function explanation(page) {
    await page.getByLabel("Identifier").fill("alice");
    await page.getByLabel("Trait", { exact: true }).fill("plan");
    await page.getByLabel("Value", { exact: true }).fill("premium");
    await flag(page, "free_shipping_from").filter({ hasText: "premium_customers" }).waitFor();
    await flag(page, "free_shipping_from").click();
    const decisive = page.locator("#flags li.chosen:visible");
    return {
        button_colour: await value(page, "button_colour"),
        free_shipping_from: await value(page, "free_shipping_from"),
        because: (await decisive.innerText()).split("\n").map(line => line.trim()).filter(Boolean),
    };
}

/** How many flags are unfolded after the page has asked again. */
async function unfolded(page) {
    await page.waitForResponse(response => new URL(response.url()).pathname === "/status");
    return page.locator("#flags details[open]").count();
}

/** What the page makes of counts in buckets: of 10 up to 2, 10 more up to 4, and 5 that are longer. */
function percentiles(page) {
    return page.evaluate(async () => {
        const { percentile } = await import("/history.js");
        const of = (counts, share) => String(percentile([1, 2, 4], counts, share));
        return [of([0, 10, 20, 20], 0.5), of([0, 10, 20, 20], 0.75), of([0, 10, 20, 25], 0.99), of([0, 0, 0, 0], 0.5)];
    });
}

async function main() {
    const { browser, page, hosts, errors } = await open();
    await page.goto(url);
    await run({
        state: async () => {
            await page.locator("#state", { hasText: "Ready" }).waitFor();
            return page.title();
        },
        environments: () => environments(page),
        "before the edit": () => value(page, "banner_text"),
        "after the edit": () => valueAfterTheEdit(page),
        explanation: () => explanation(page),
        unfolded: () => unfolded(page),
        requests: async () => {
            await page.locator("#rate-chart :is(path.line, circle)").first().waitFor({ state: "attached" });
            return page.locator("#rate-chart .legend b").first().innerText();
        },
        percentiles: () => percentiles(page),
        filter: async () => {
            await page.getByRole("searchbox").fill("stag");
            await page.locator("#environments-summary", { hasText: "1 of 2" }).waitFor();
            return environments(page);
        },
        "a server-side key as filter": async () => {
            await page.getByRole("searchbox").fill("ser.demo_production");
            return page.locator("#search-error").innerText();
        },
        "hosts asked": () => hosts,
        "errors in the console": () => errors,
    });
    await browser.close();
}

main();
