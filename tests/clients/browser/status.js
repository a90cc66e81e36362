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
    return Promise.all(rows.map(async row => (await row.locator("td").allInnerTexts()).slice(0, 2)));
}

/** Types an identity into the playground, and unfolds the flag of a feature. */
async function explanation(page) {
    await page.getByLabel("Identifier").fill("alice");
    await page.getByLabel("Trait", { exact: true }).fill("plan");
    await page.getByLabel("Value", { exact: true }).fill("premium");
    await shows(page, "#flags > p", "alice");
    const flag = name => page.locator("#flags li", { has: page.locator(`summary .feature:text-is("${name}")`) });
    const value = async name => flag(name).locator("summary .value").first().innerText();
    const found = { button_colour: await value("button_colour"), free_shipping_from: await value("free_shipping_from") };
    await flag("free_shipping_from").locator("summary").click();
    found.why = await flag("free_shipping_from").locator(".candidates > li.chosen").innerText();
    return found;
}

/** What is unfolded stays so while the page is updated. */
async function isStillUnfolded(page) {
    await page.waitForResponse(response => response.url().endsWith("/status"));
    return page.locator("#flags details[open]").count();
}

async function main() {
    const { browser, page, hosts, errors } = await open();
    await page.goto(url);
    await run({
        state: async () => {
            await shows(page, "#state", "Ready");
            return page.title();
        },
        environments: () => environments(page),
        "before the edit": () => page.locator("#flags summary", { hasText: "banner_text" }).locator(".value").innerText(),
        "after the edit": async () => {
            await shows(page, "#flags summary", "edited");
            return page.locator("#flags summary", { hasText: "banner_text" }).locator(".value").innerText();
        },
        explanation: () => explanation(page),
        unfolded: () => isStillUnfolded(page),
        requests: async () => {
            await shows(page, "#rate-chart .legend", /\d/);
            return page.locator("#rate-chart path.line, #rate-chart circle").count() > 0;
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
