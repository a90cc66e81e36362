// Opens the status page, whose address is the argument, as an operator would, and prints what it shows. The test that
// started this edits a flag when it reads `before the edit`.

const { run } = require("../node/checks.js");
const { open } = require("./chromium.js");

const [, , url] = process.argv;

/** Waits for a text somewhere in what the selector names. */
function shows(page, selector, text) {
    return page.locator(selector, { hasText: text }).first().waitFor();
}

async function environments(page) {
    await page.locator("#environments tbody tr").first().waitFor();
    const rows = await page.locator("#environments tbody tr").all();
    const words = text => text.replace(/\s+/g, " ");
    return Promise.all(rows.map(async row => (await row.locator("td").allInnerTexts()).slice(0, 2).map(words)));
}

/** The generation of the first environment. */
function generation(page) {
    return page.locator("#environments tbody td:nth-child(3)").first().innerText();
}

async function main() {
    const { browser, page, hosts, errors } = await open();
    let before;
    await page.goto(url);
    await run({
        state: async () => {
            await shows(page, "#state", "Ready");
            return page.title();
        },
        environments: () => environments(page),
        "before the edit": async () => {
            before = await generation(page);
        },
        "after the edit": async () => {
            await page.waitForFunction(
                before => document.querySelector("#environments tbody td:nth-child(3)").innerText !== before,
                before,
            );
            return Number(await generation(page)) > Number(before);
        },
        requests: async () => {
            await page.locator("#rate-chart :is(path.line, circle)").first().waitFor({ state: "attached" });
            return page.locator("#rate-chart .legend b").first().innerText();
        },
        filter: async () => {
            await page.getByRole("searchbox").fill("stag");
            await shows(page, "#environments-summary", "1 of 2");
            return environments(page);
        },
        "hosts asked": () => hosts,
        "errors in the console": () => errors,
    });
    await browser.close();
}

main();
